import { beforeEach, describe, expect, it } from "vitest";
import { BATCH_TOKEN_PREFIX, BatchTokens } from "../../../src/access/tokens/batch_tokens.ts";
import {
  encodeToken,
  newToken,
  rootTokenTemplate,
  type Token,
} from "../../../src/access/tokens/token.ts";
import { AeadKey } from "../../../src/crypto/aead.ts";
import { concatBytes, encodeBase64Unpadded, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import { hkdfSha256 } from "../../../src/crypto/digest.ts";
import { seededRandom } from "../../barrier/doubles.ts";

const random = seededRandom("batch tokens");
const MAX_SECONDS = 3600;
const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

let credentialKey = random(32);
const deriveKey = (salt: Uint8Array) => hkdfSha256(credentialKey, salt, "a batch token", 32);
const batch = new BatchTokens({
  deriveKey,
  random,
  nowMs: () => NOW_MS,
  maxLeaseSeconds: () => MAX_SECONDS,
});
beforeEach(() => {
  credentialKey = random(32);
});

function tokenWith(fields: Partial<Token> = {}): Token {
  const template = { ...rootTokenTemplate(NOW_MS), type: "batch" as const };
  return {
    ...newToken(template, "", "scope"),
    policies: ["default", "ops"],
    expiresAtMs: NOW_MS + MAX_SECONDS * 1000,
    ...fields,
  };
}

/** A token made by someone who has the key and knows the format. */
async function forge(plaintext: Uint8Array, version = 1): Promise<string> {
  const head = concatBytes(Uint8Array.of(version), random(24));
  const key = await AeadKey.import(deriveKey(head.subarray(1)));
  const context = concatBytes(head, encodeUtf8("sealwright batch token"));
  const encrypted = await key.encrypt(new Uint8Array(12), plaintext, context);
  const text = encodeBase64Unpadded(concatBytes(head, encrypted));
  return BATCH_TOKEN_PREFIX + text.replaceAll("+", "-").replaceAll("/", "_");
}

describe("batch tokens", () => {
  it("a batch token reads back as issued, and no two ids of it are equal", async () => {
    const token = tokenWith();
    const [one, other] = [await batch.issue(token), await batch.issue(token)];
    expect(one).not.toBe(other);
    expect(await batch.read(one)).toEqual(token);
    expect(await batch.read(other)).toEqual(token);
    expect(await batch.read(await forge(encodeToken(token)))).toEqual(token);
  });

  it("a batch token is invalid under another credential key", async () => {
    const id = await batch.issue(tokenWith());
    credentialKey = random(32);
    expect(await batch.read(id)).toBeNull();
  });

  it("a changed, shortened, empty or respelled batch token is invalid", async () => {
    const id = await batch.issue(tokenWith());
    for (let at = BATCH_TOKEN_PREFIX.length; at < id.length - 1; at += 7) {
      const other = id[at] === "A" ? "B" : "A";
      expect(await batch.read(id.slice(0, at) + other + id.slice(at + 1)), `at ${at}`).toBeNull();
    }
    const spelled = [`${id}=`, `${id}==`, id.replaceAll("-", "+").replaceAll("_", "/")]
      .filter((text) => text !== id);
    for (const text of ["b.", "b.AQ", "b.!", id.slice(0, 40), `${id}AAAA`, ...spelled]) {
      expect(await batch.read(text), text).toBeNull();
    }
  });

  it.each<[string, Partial<Token>]>([
    ["the root policy", { policies: ["root"] }],
    ["the root policy among others", { policies: ["default", "root"] }],
    ["no end", { expiresAtMs: null }],
    ["a longer time than any mount grants", { expiresAtMs: NOW_MS + (MAX_SECONDS + 2) * 1000 }],
    ["a beginning that is still to come", {
      createdAtMs: NOW_MS + 2 * HOUR_MS,
      expiresAtMs: NOW_MS + 2 * HOUR_MS + MAX_SECONDS * 1000,
    }],
    ["an accessor", { accessor: "a" }],
    ["a number of uses", { uses: 1 }],
    ["a period", { periodSeconds: 60 }],
    ["leave to be renewed", { renewable: true }],
    ["the type of a stored token", { type: "service" }],
  ])("a batch token with %s is neither issued nor accepted", async (_name, fields) => {
    await expect(batch.issue(tokenWith(fields))).rejects.toThrow(TypeError);
    expect(await batch.read(await forge(encodeToken(tokenWith(fields))))).toBeNull();
  });

  it("a batch token of an unknown version is refused, outer or inner", async () => {
    expect(await batch.read(await forge(encodeToken(tokenWith()), 2))).toBeNull();
    const inside = encodeUtf8(JSON.stringify({ ...tokenWith(), version: 2 }));
    expect(await batch.read(await forge(inside))).toBeNull();
    const none = encodeUtf8(JSON.stringify(tokenWith()));
    expect(await batch.read(await forge(none))).toBeNull();
  });
});

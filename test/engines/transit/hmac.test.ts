import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import { type Data, dataOf, refusal, send } from "../engine_requests.ts";
import { base64, batch, bytesOf, openSite, type Site, wrapped } from "./transit_requests.ts";

const TEXT = "the quick brown fox";
const ALGORITHMS = ["224", "256", "384", "512"].flatMap((bits) => [
  [`sha2-${bits}`, `sha${bits}`],
  [`sha3-${bits}`, `sha3-${bits}`],
]);

async function siteWithKey(versions = 1): Promise<Site> {
  const site = openSite();
  await send(site.transit, "update", "keys/a", { exportable: true });
  for (let made = 1; made < versions; made++) await send(site.transit, "update", "keys/a/rotate");
  return site;
}

async function hmacOf(transit: Engine, path: string, data: Data = {}): Promise<string> {
  const reply = await send(transit, "update", path, { input: base64(TEXT), ...data });
  return String(dataOf(reply)["hmac"]);
}

async function isValid(transit: Engine, data: Data, path = "verify/a"): Promise<unknown> {
  return dataOf(await send(transit, "update", path, data))["valid"];
}

describe("transit/hmac", () => {
  it.each(ALGORITHMS)(
    "hmac with %s equals what node:crypto computes with the exported key",
    async (name, other) => {
      const { transit } = await siteWithKey(2);
      const exported = dataOf(await send(transit, "read", "export/hmac-key/a"))["keys"] as Data;
      const key = bytesOf(String(exported["2"]));
      const sum = createHmac(other!, key).update(TEXT).digest("base64");
      expect(await hmacOf(transit, "hmac/a", { algorithm: name })).toBe(`vault:v2:${sum}`);
      expect(await hmacOf(transit, `hmac/a/${name}`, { algorithm: "nope" })).toBe(
        `vault:v2:${sum}`,
      );
      const data = { input: base64(TEXT), hmac: `vault:v2:${sum}` };
      expect(await isValid(transit, data, `verify/a/${name}`)).toBe(true);
      expect(await isValid(transit, { ...data, hash_algorithm: name })).toBe(true);
      expect(await isValid(transit, { ...data, input: base64("other") }, `verify/a/${name}`))
        .toBe(false);
    },
  );

  it("hmac uses another key than encryption", async () => {
    const { transit } = await siteWithKey();
    const keys = async (type: string) =>
      (dataOf(await send(transit, "read", `export/${type}/a`))["keys"] as Data)["1"];
    expect(await keys("hmac-key")).not.toBe(await keys("encryption-key"));
  });

  it("hmac uses the version asked for, within the key's bounds", async () => {
    const { transit } = await siteWithKey(3);
    const first = await hmacOf(transit, "hmac/a", { key_version: 1 });
    expect(first).toMatch(/^vault:v1:/);
    const attempt = (version: number) =>
      refusal(hmacOf(transit, "hmac/a", { key_version: version }));
    expect(await attempt(9))
      .toBe("invalid_request: key version does not exist; latest key version is 3");
    expect(await attempt(-1))
      .toBe("invalid_request: key version does not exist (cannot be negative)");
    await send(transit, "update", "keys/a/config", { min_decryption_version: 2 });
    expect(await attempt(1)).toBe("invalid_request: no such key version");
    expect(await refusal(isValid(transit, { hmac: first }))).toBe(
      "invalid_request: cannot verify HMAC: version is too old (disallowed by policy)",
    );
    await send(transit, "update", "keys/a/config", { min_encryption_version: 3 });
    expect(await attempt(2)).toBe(
      "invalid_request: cannot generate HMAC: version is too old (disallowed by policy)",
    );
    expect(await attempt(3)).toBe("accepted");
  });

  it.each([
    ["hmac/a", {}, "missing input for HMAC"],
    [
      "hmac/a",
      { input: "!" },
      "unable to decode input as base64: illegal base64 data at input byte 0",
    ],
    ["hmac/a/nope", {}, 'unsupported algorithm "nope"'],
    ["hmac/a/none", { input: "" }, 'unsupported algorithm "none"'],
    ["hmac/b", { input: "" }, "encryption key not found"],
    ["hmac/a", { batch_input: [] }, "missing batch input to process"],
    [
      "hmac/a",
      { batch_input: [1] },
      wrapped(
        "failed to parse batch input: decoding failed due to the following error(s):\n\n" +
          "'[0]' expected type 'transit.batchRequestHMACItem', got unconvertible type 'json.Number'",
      ),
    ],
    [
      "hmac/a",
      { batch_input: [{ input: true }] },
      wrapped(
        "failed to parse batch input: decoding failed due to the following error(s):\n\n" +
          "'[0][input]' expected type 'string', got unconvertible type 'bool'",
      ),
    ],
    ["verify/a", {}, "neither a 'signature' nor an 'hmac' were given to verify"],
    ["verify/a", { hmac: "x" }, "invalid HMAC to verify: no prefix"],
    ["verify/a", { hmac: "vault:v1" }, "invalid HMAC: wrong number of fields"],
    ["verify/a", { hmac: "vault:vx:AAAA" }, "invalid HMAC: version number could not be decoded"],
    ["verify/a", { hmac: "vault:v9:AAAA" }, "invalid HMAC: version is too new"],
    [
      "verify/a",
      { hmac: "vault:v1:!" },
      "unable to decode verification HMAC as base64: illegal base64 data at input byte 0",
    ],
    ["verify/a", { hmac: "vault:v1:AAAA", hash_algorithm: "no" }, 'invalid hash algorithm "no"'],
    [
      "verify/a",
      { batch_input: [{ hmac: "x" }, { signature: "x" }] },
      "elements of batch_input must all provide 'signature' or all provide 'hmac'",
    ],
    [
      "verify/a",
      { batch_input: [{ hmac: "x" }, {}] },
      "some elements of batch_input are missing 'hmac'",
    ],
    ["verify/a", { batch_input: [{}] }, "no batch_input elements have 'signature' or 'hmac'"],
    [
      "verify/a",
      { signature: "x", hmac: "x" },
      "key type aes256-gcm96 does not support verification",
    ],
    ["verify/b", { signature: "x" }, "signature verification key not found"],
    ["sign/a", {}, "key type aes256-gcm96 does not support signing"],
    ["sign/a/none", {}, "key type aes256-gcm96 does not support signing"],
    ["sign/a/nope", {}, 'invalid hash algorithm "nope"'],
    ["sign/a", { hash_algorithm: "", algorithm: "x" }, 'invalid hash algorithm "x"'],
    ["sign/a", { marshaling_algorithm: "x" }, 'invalid marshaling type "x"'],
    ["sign/a", { salt_length: "x" }, "salt length neither 'auto', 'hash', nor an int: x"],
    ["sign/a", { salt_length: -2 }, "salt length is invalid: -2"],
    ["sign/b", {}, "signing key not found"],
  ])("%s refuses %j", async (path, data, message) => {
    const { transit } = await siteWithKey();
    expect(await refusal(send(transit, "update", path, data))).toBe(`invalid_request: ${message}`);
  });

  it("an hmac batch serves its good items and can be verified", async () => {
    const { transit } = await siteWithKey();
    const input = base64(TEXT);
    const made = await batch(transit, "hmac/a", [{ input, reference: "r" }, {}, null]);
    expect(made.results).toEqual([
      { hmac: expect.stringMatching(/^vault:v1:/), reference: "r" },
      { error: "missing input for HMAC", reference: "" },
      { error: "missing input for HMAC", reference: "" },
    ]);
    expect(made.failedItems).toBeUndefined();
    const hmac = made.results[0]!["hmac"];
    const checked = await batch(transit, "verify/a", [
      { input, hmac },
      { input: "", hmac },
      { hmac, reference: "q" },
    ]);
    expect(checked.results).toEqual([
      { valid: true, reference: "" },
      { reference: "" },
      { error: "missing input", reference: "q" },
    ]);
  });

  it.each(["hmac/a", "verify/a"])("at %s refuses too many items before any work", async (path) => {
    const { storage, transit } = await siteWithKey();
    const commits = storage.commits;
    const items = new Array(16_385).fill({ input: "", hmac: "" });
    expect(await refusal(batch(transit, path, items))).toBe(
      "invalid_request: failed to parse batch input: at most 16384 items are taken, got 16385",
    );
    expect(storage.commits).toBe(commits);
  });

  it("a transit key from before HMAC was served gets an HMAC key, which then stays", async () => {
    const { storage, transit, rival } = await siteWithKey();
    const record = decodeUtf8((await storage.get("policy/a"))!.value);
    const old = record.replace(/,"hmacKey":"[^"]+"/, "")
      .replace(/"(softDeleted|backedUp|restored)":[a-z]+,/g, "");
    expect(old).not.toMatch(/hmacKey|softDeleted|backedUp|restored/);
    storage.poke("policy/a", encodeUtf8(old));
    const hmac = await hmacOf(transit, "hmac/a");
    expect(await hmacOf(rival, "hmac/a")).toBe(hmac);
    expect(await isValid(rival, { input: base64(TEXT), hmac })).toBe(true);
  });
});

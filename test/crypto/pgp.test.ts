import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as openpgp from "openpgp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { encodeBase64, encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { parsePgpKey } from "../../src/crypto/pgp.ts";
import type { PgpKey, PgpKeyParse } from "../../src/crypto/pgp_key.ts";
import { randomBytes } from "../../src/crypto/random.ts";

const gpgPresent = spawnSync("gpg", ["--version"]).status === 0;
const usableKeys = ["rsa2048", "rsa4096", "ed25519", "nistp256"];
const shareText = encodeHex(randomBytes(33));

function vector(file: string): string {
  return readFileSync(new URL(`../vectors/pgp/${file}`, import.meta.url), "utf8");
}

async function parseOk(text: string): Promise<PgpKey> {
  const parse = await parsePgpKey(text);
  if (parse.kind !== "ok") throw new Error(`${parse.kind}: ${parse.reason}`);
  return parse.key;
}

/** Tags of the message's packets, all with new-format lengths, and the two version bytes. */
function outline(message: Uint8Array): { tags: number[]; versions: number[] } {
  const tags: number[] = [];
  const versions: number[] = [];
  for (let at = 0; at < message.length;) {
    tags.push(message[at]! & 0x3f);
    const first = message[at + 1]!;
    const [length, header] = first < 192
      ? [first, 2]
      : [((first - 192) << 8) + message[at + 2]! + 192, 3];
    versions.push(message[at + header]!);
    at += header + length;
  }
  return { tags, versions };
}

/** PKESK version 3, then SEIPD version 1, and nothing else. */
const wantedOutline = { tags: [1, 18], versions: [3, 1] };

async function generate(options: { expired?: boolean; config?: openpgp.PartialConfig } = {}) {
  return await openpgp.generateKey({
    type: "ecc",
    userIDs: [{ name: "throw-away test key" }],
    format: "object",
    ...(options.expired ? { date: new Date("2020-01-01"), keyExpirationTime: 60 } : {}),
    ...(options.config ? { config: options.config } : {}),
  });
}

describe.each(usableKeys)("PGP key %s", (name) => {
  it(`the ${name} key has the same fingerprint in each accepted form`, async () => {
    const fingerprint = vector(`${name}.fingerprint`).trim();
    const base64 = vector(`${name}.pub.b64`).trim();
    const armor = vector(`${name}.pub.asc`);
    const forms = [
      base64,
      base64.replace(/(.{64})/g, "$1\r\n"),
      armor,
      armor.replaceAll("\n", "\r\n"),
      encodeBase64(encodeUtf8(armor)),
    ];
    for (const form of forms) {
      const key = await parseOk(form);
      expect(key.fingerprint).toBe(fingerprint);
      expect((await parseOk(key.binaryBase64)).binaryBase64).toBe(key.binaryBase64);
    }
  });

  it(`a share encrypted to the ${name} key is plain literal data that openpgp decrypts`, async () => {
    const encrypted = await (await parseOk(vector(`${name}.pub.b64`))).encrypt(shareText);
    expect(outline(encrypted)).toEqual(wantedOutline);
    const secretKey = await openpgp.readPrivateKey({ armoredKey: vector(`${name}.sec.asc`) });
    const message = await openpgp.readMessage({ binaryMessage: encrypted });
    const inner = await message.decrypt([secretKey]);
    expect(inner.packets.map((packet) => packet.constructor.name)).toEqual(["LiteralDataPacket"]);
    // Mode u, no name, date 0: 1 + 1 + 4 bytes before the text.
    const literal = inner.packets[0]!.write() as unknown;
    const parts = Array.isArray(literal) ? literal : [literal];
    const body = Buffer.concat(parts as Uint8Array[]);
    expect(body.toString("latin1")).toBe(`u\0\0\0\0\0${shareText}`);
  });

  it(`encrypting the same share twice to the ${name} key gives different messages`, async () => {
    const key = await parseOk(vector(`${name}.pub.b64`));
    expect(await key.encrypt(shareText)).not.toEqual(await key.encrypt(shareText));
  });
});

describe("gpg program (skipped when gpg is not installed)", () => {
  let home = "";
  const gpg = (args: string[], input: string | Uint8Array) =>
    execFileSync("gpg", ["--homedir", home, "--batch", "--quiet", ...args], {
      input,
      stdio: ["pipe", "pipe", "pipe"],
      encoding: "latin1",
    });

  beforeAll(() => {
    if (gpgPresent) home = mkdtempSync(join(tmpdir(), "gpg-"));
  });

  afterAll(() => {
    if (home === "") return;
    spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
    rmSync(home, { recursive: true, force: true });
  });

  it.skipIf(!gpgPresent).each(usableKeys)("gpg decrypts what was encrypted to %s", async (name) => {
    gpg(["--import"], vector(`${name}.sec.asc`));
    const encrypted = await (await parseOk(vector(`${name}.pub.b64`))).encrypt(shareText);
    expect(gpg(["--decrypt"], encrypted)).toBe(shareText);
    expect(gpg(["--list-packets"], encrypted)).toMatch(/mode u \(75\), created 0, name=""/);
  });
});

describe("keys with unusual preferences", () => {
  it("a key that prefers SEIPD v2 still gets PKESK v3 and SEIPD v1", async () => {
    const { publicKey, privateKey } = await generate({ config: { aeadProtect: true } });
    const features = publicKey.users[0]!.selfCertifications[0]!.features;
    expect(features![0]! & 8).toBe(8);
    const encrypted = await (await parseOk(publicKey.armor())).encrypt(shareText);
    expect(outline(encrypted)).toEqual(wantedOutline);
    const message = await openpgp.readMessage({ binaryMessage: encrypted });
    const { data } = await openpgp.decrypt({ message, decryptionKeys: privateKey });
    expect(data).toBe(shareText);
  });

  it("a message to a key that prefers compression is not compressed", async () => {
    const preferred = openpgp.enums.compression.zlib;
    const { publicKey, privateKey } = await generate({
      config: { preferredCompressionAlgorithm: preferred },
    });
    expect(publicKey.users[0]!.selfCertifications[0]!.preferredCompressionAlgorithms)
      .toContain(preferred);
    const encrypted = await (await parseOk(publicKey.armor())).encrypt(shareText.repeat(50));
    const message = await openpgp.readMessage({ binaryMessage: encrypted });
    const inner = await message.decrypt([privateKey]);
    expect(inner.packets.map((packet) => packet.constructor.name)).toEqual(["LiteralDataPacket"]);
  });

  it("a key whose signatures carry no key flags is accepted, as old keys are", async () => {
    const { privateKey } = await generate();
    const subkey = privateKey.subkeys[0]!;
    const binding = subkey.bindingSignatures[0]!;
    binding.keyFlags = null;
    binding.rawNotations = [];
    const primary = privateKey.keyPacket as openpgp.SecretKeyPacket;
    const signed = { key: primary, bind: subkey.keyPacket };
    // The library's `sign` takes its configuration last, but its type leaves that out.
    const sign = binding.sign.bind(binding) as (...given: unknown[]) => Promise<void>;
    await sign(primary, signed, binding.created, false, openpgp.config);
    expect((await parsePgpKey(privateKey.toPublic().armor())).kind).toBe("ok");
  });
});

async function refusal(text: string): Promise<Exclude<PgpKeyParse, { kind: "ok" }>> {
  const parse = await parsePgpKey(text);
  if (parse.kind === "ok") throw new Error("the key was accepted");
  return parse;
}

describe("undecodable keys", () => {
  it.each([
    ["prose", "not a key at all!"],
    ["base64 without padding", vector("rsa2048.pub.b64").trim().replace(/=+$/, "")],
    ["base64 with spaces", vector("ed25519.pub.b64").trim().replace(/(.{64})/g, "$1 ")],
    ["a keybase name", "keybase:someone"],
  ])("parsePgpKey() calls %s undecodable", async (_what, text) => {
    expect((await refusal(text)).kind).toBe("undecodable");
  });
});

describe("unparsable keys", () => {
  it.each([
    ["the empty text", ""],
    ["blanks", " \r\n"],
    ["base64 of something else", encodeBase64(encodeUtf8("no packet"))],
    ["random bytes with a packet's first bit", encodeBase64(new Uint8Array(99).fill(0x99))],
    [
      "a truncated key",
      encodeBase64(Buffer.from(vector("rsa2048.pub.b64"), "base64").subarray(0, 90)),
    ],
    ["armor without content", "-----BEGIN PGP PUBLIC KEY BLOCK-----"],
    ["armor of another kind", "-----BEGIN PGP MESSAGE-----\n\nyw==\n-----END PGP MESSAGE-----"],
    ["a key text beyond the limit", "A".repeat(256 * 1024 + 4)],
  ])("parsePgpKey() calls %s unparsable", async (_what, text) => {
    expect((await refusal(text)).kind).toBe("unparsable");
  });

  it("parsePgpKey() refuses a private key in each form without quoting it", async () => {
    for (const name of usableKeys) {
      const armor = vector(`${name}.sec.asc`);
      const secretKey = await openpgp.readPrivateKey({ armoredKey: armor });
      const forms = [armor, encodeBase64(encodeUtf8(armor)), encodeBase64(secretKey.write())];
      for (const form of forms) {
        expect(await refusal(form)).toEqual({
          kind: "unparsable",
          reason: "a private key: give the public key",
        });
      }
    }
  });

  it("parsePgpKey() refuses two keys in one text", async () => {
    const both = Buffer.concat(
      ["rsa2048", "ed25519"].map((name) => Buffer.from(vector(`${name}.pub.b64`), "base64")),
    );
    expect(await refusal(encodeBase64(both))).toEqual({
      kind: "unparsable",
      reason: "2 keys: give exactly one",
    });
  });
});

describe("unusable keys", () => {
  it("parsePgpKey() refuses a sign-only key", async () => {
    for (const form of ["signonly.pub.b64", "signonly.pub.asc"]) {
      expect(await refusal(vector(form))).toEqual({
        kind: "unusable",
        reason: "key has no valid encryption key",
      });
    }
  });

  it("parsePgpKey() refuses an expired key and says since when", async () => {
    const { publicKey } = await generate({ expired: true });
    expect(await refusal(publicKey.armor())).toEqual({
      kind: "unusable",
      reason: "key expired at 2020-01-01T00:01:00.000Z",
    });
  });

  it("parsePgpKey() refuses a revoked key", async () => {
    const { privateKey } = await generate();
    const { publicKey } = await openpgp.revokeKey({ key: privateKey, format: "object" });
    expect(await refusal(publicKey.armor())).toEqual({
      kind: "unusable",
      reason: "key is revoked",
    });
  });

  it("parsePgpKey() refuses a key whose own signature does not verify", async () => {
    const bytes = Buffer.from(vector("ed25519.pub.b64"), "base64");
    bytes[bytes.length - 1]! ^= 1;
    expect((await refusal(encodeBase64(bytes))).kind).toBe("unusable");
  });

  it("parsePgpKey() refuses an oversized RSA exponent without computing with it", async () => {
    const key = await openpgp.readKey({ armoredKey: vector("rsa2048.pub.asc") });
    const parameters = key.subkeys[0]!.keyPacket.publicParams as { e: Uint8Array };
    parameters.e = new Uint8Array(256).fill(255);
    expect(await refusal(encodeBase64(key.write()))).toEqual({
      kind: "unusable",
      reason: "key numbers are larger than supported",
    });
  });

  it("parsePgpKey() refuses hundreds of self-signatures without checking them", async () => {
    const { publicKey } = await generate();
    const user = publicKey.users[0]!;
    const [certification] = user.selfCertifications;
    user.selfCertifications.push(...Array(300).fill(certification));
    expect(await refusal(encodeBase64(publicKey.write()))).toEqual({
      kind: "unusable",
      reason: "key carries too many signatures of its own",
    });
  });
});

describe("PgpKey.encrypt()", () => {
  it("PgpKey.encrypt() rejects with invalid_request after the key has expired", async () => {
    const { publicKey } = await openpgp.generateKey({
      type: "ecc",
      userIDs: [{ name: "throw-away test key" }],
      format: "object",
      date: new Date(Date.now() - 60_000),
      keyExpirationTime: 3600,
    });
    const key = await parseOk(publicKey.armor());
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 7_200_000 });
    try {
      await expect(key.encrypt(shareText)).rejects.toMatchObject({
        code: "invalid_request",
        message: expect.stringMatching(
          new RegExp(`^could not encrypt to PGP key ${key.fingerprint}: key expired at `),
        ),
      });
    } finally {
      vi.useRealTimers();
    }
  });
});

import { describe, expect, it } from "vitest";
import { AeadKey } from "../../src/crypto/aead.ts";
import { concatBytes, decodeHex, encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { VaultError } from "../../src/errors.ts";

const hex = (text: string) => decodeHex(text)!;

/** The AES-256 cases of McGrew and Viega's GCM specification, as submitted to NIST. */
const vectors = [
  {
    testCase: 13,
    key: "00".repeat(32),
    nonce: "00".repeat(12),
    plaintext: "",
    aad: "",
    ciphertext: "",
    tag: "530f8afbc74536b9a963b4f1c4cb738b",
  },
  {
    testCase: 14,
    key: "00".repeat(32),
    nonce: "00".repeat(12),
    plaintext: "00".repeat(16),
    aad: "",
    ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
    tag: "d0d1c8a799996bf0265b98b5d48ab919",
  },
  {
    testCase: 16,
    key: "feffe9928665731c6d6a8f9467308308".repeat(2),
    nonce: "cafebabefacedbaddecaf888",
    plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    tag: "76fc6ece0f4e1768cddf8853bb2d551b",
  },
];

describe("AeadKey", () => {
  it.each(vectors)("AeadKey encrypts and decrypts GCM case $testCase", async (vector) => {
    const key = await AeadKey.import(hex(vector.key));
    const [nonce, aad] = [hex(vector.nonce), hex(vector.aad)];
    const encrypted = await key.encrypt(nonce, hex(vector.plaintext), aad);
    expect(encodeHex(encrypted)).toBe(vector.ciphertext + vector.tag);
    expect(encodeHex(await key.decrypt(nonce, encrypted, aad))).toBe(vector.plaintext);
  });

  it("AeadKey reads only the view it is given, for every argument", async () => {
    const vector = vectors[2]!;
    const inside = (text: string) => concatBytes(hex("aa"), hex(text), hex("bb")).subarray(1, -1);
    const key = await AeadKey.import(inside(vector.key));
    const wanted = vector.ciphertext + vector.tag;
    const encrypted = await key.encrypt(
      inside(vector.nonce),
      inside(vector.plaintext),
      inside(vector.aad),
    );
    expect(encodeHex(encrypted)).toBe(wanted);
    const decrypted = await key.decrypt(inside(vector.nonce), inside(wanted), inside(vector.aad));
    expect(encodeHex(decrypted)).toBe(vector.plaintext);
  });

  it("AeadKey does not need the key bytes after the import", async () => {
    const bytes = new Uint8Array(32);
    const key = await AeadKey.import(bytes);
    bytes.fill(255);
    const tag = await key.encrypt(new Uint8Array(12), new Uint8Array(), new Uint8Array());
    expect(encodeHex(tag)).toBe(vectors[0]!.tag);
  });

  it("a wrong key, nonce or AAD, damage and truncation are indistinguishable to the caller", async () => {
    const key = await AeadKey.import(new Uint8Array(32).fill(1));
    const other = await AeadKey.import(new Uint8Array(32).fill(2));
    const nonce = new Uint8Array(12);
    const aad = encodeUtf8("logical/a");
    const good = await key.encrypt(nonce, encodeUtf8("secret"), aad);
    const flipped = (position: number) => good.map((byte, i) => i === position ? byte ^ 1 : byte);
    const attempts = [
      other.decrypt(nonce, good, aad),
      key.decrypt(new Uint8Array(12).fill(1), good, aad),
      key.decrypt(nonce, good, encodeUtf8("logical/b")),
      key.decrypt(nonce, good, new Uint8Array()),
      key.decrypt(nonce, flipped(0), aad),
      key.decrypt(nonce, flipped(good.length - 1), aad),
      key.decrypt(nonce, good.subarray(0, -1), aad),
      key.decrypt(nonce, good.subarray(0, 15), aad),
      key.decrypt(nonce, new Uint8Array(), aad),
    ];
    const seen = new Set<string>();
    for (const outcome of await Promise.allSettled(attempts)) {
      const error: unknown = outcome.status === "rejected" ? outcome.reason : undefined;
      expect(error).toBeInstanceOf(VaultError);
      seen.add(`${(error as VaultError).code}: ${(error as VaultError).message}`);
    }
    expect([...seen]).toEqual([
      "ciphertext_rejected: could not decrypt: message authentication failed",
    ]);
  });

  it("AeadKey checks types and lengths before any crypto, naming the argument", async () => {
    const empty = new Uint8Array();
    const key = await AeadKey.import(new Uint8Array(32));
    for (const length of [0, 16, 24, 31, 33]) {
      await expect(AeadKey.import(new Uint8Array(length)))
        .rejects.toThrow(new RangeError(`key must be 32 bytes: got ${length}`));
    }
    for (const length of [0, 11, 13, 16]) {
      const nonce = new Uint8Array(length);
      const wanted = new RangeError(`nonce must be 12 bytes: got ${length}`);
      await expect(key.encrypt(nonce, empty, empty)).rejects.toThrow(wanted);
      await expect(key.decrypt(nonce, new Uint8Array(16), empty)).rejects.toThrow(wanted);
    }
    await expect(key.encrypt(new Uint8Array(12), "text" as never, empty))
      .rejects.toThrow(new TypeError("plaintext must be a Uint8Array: got string"));
  });
});

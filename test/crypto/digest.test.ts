import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { hkdfSha256, hmacSha256, sha256 } from "../../src/crypto/digest.ts";

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);
const counting = (from: number, length: number) => Uint8Array.from({ length }, (_, i) => from + i);

describe("sha256()", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ])("sha256() digests %j like FIPS 180-4", (text, wanted) => {
    expect(encodeHex(sha256(encodeUtf8(text)))).toBe(wanted);
  });
});

describe("hmacSha256()", () => {
  it.each([
    {
      testCase: 1,
      key: filled(20, 0x0b),
      data: "Hi There",
      wanted: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    },
    {
      testCase: 2,
      key: encodeUtf8("Jefe"),
      data: "what do ya want for nothing?",
      wanted: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    },
    {
      testCase: 6,
      key: filled(131, 0xaa),
      data: "Test Using Larger Than Block-Size Key - Hash Key First",
      wanted: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    },
  ])("hmacSha256() gives RFC 4231 case $testCase", ({ key, data, wanted }) => {
    expect(encodeHex(hmacSha256(key, encodeUtf8(data)))).toBe(wanted);
  });
});

describe("hkdfSha256()", () => {
  it.each([
    {
      testCase: 1,
      ikm: filled(22, 0x0b),
      salt: counting(0, 13),
      info: counting(0xf0, 10),
      wanted: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf" +
        "34007208d5b887185865",
    },
    {
      testCase: 2,
      ikm: counting(0, 80),
      salt: counting(0x60, 80),
      info: counting(0xb0, 80),
      wanted: "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c" +
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71" +
        "cc30c58179ec3e87c14c01d5c1f3434f1d87",
    },
    {
      testCase: 3,
      ikm: filled(22, 0x0b),
      salt: undefined,
      info: "",
      wanted: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d" +
        "9d201395faa4b61a96c8",
    },
  ])("hkdfSha256() gives RFC 5869 case $testCase", ({ ikm, salt, info, wanted }) => {
    const length = decodeHex(wanted)!.length;
    expect(encodeHex(hkdfSha256(ikm, salt, info, length))).toBe(wanted);
  });

  it("hkdfSha256() separates labels and agrees with Web Crypto on a text label", async () => {
    const ikm = counting(1, 32);
    const label = "sealwright ü";
    const key = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
    const parameters = {
      name: "HKDF",
      hash: "SHA-256",
      salt: new Uint8Array(),
      info: encodeUtf8(label),
    };
    const bits = await crypto.subtle.deriveBits(parameters, key, 512);
    expect(hkdfSha256(ikm, undefined, label, 64)).toEqual(new Uint8Array(bits));
    expect(hkdfSha256(ikm, undefined, "other", 64)).not.toEqual(new Uint8Array(bits));
  });

  it("hkdfSha256() refuses an empty key and lengths that RFC 5869 does not allow", () => {
    const ikm = filled(32, 1);
    expect(() => hkdfSha256(new Uint8Array(), undefined, "x", 32)).toThrow(RangeError);
    for (const length of [0, -1, 8161, 1.5]) {
      expect(() => hkdfSha256(ikm, undefined, "x", length)).toThrow(/lengthBytes must be/);
    }
    expect(hkdfSha256(ikm, undefined, "x", 8160)).toHaveLength(8160);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { parseWrappedValue, wrappedHeader } from "../../src/seal/wrapped_value.ts";
import { codeOf } from "../barrier/doubles.ts";

const anyKeyId = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 })
  .filter((id) => id.isWellFormed() && encodeUtf8(id).length <= 255);
const anyBody = fc.uint8Array({ minLength: 28, maxLength: 200 });

describe("wrapped value", () => {
  it("parseWrappedValue() takes a value apart, for any key id", () => {
    fc.assert(fc.property(anyKeyId, anyBody, (keyId, body) => {
      const header = wrappedHeader(keyId);
      const value = parseWrappedValue(concatBytes(header, body));
      expect(value.keyId).toBe(keyId);
      expect(value.header).toEqual(header);
      expect(concatBytes(value.nonce, value.ciphertext)).toEqual(Uint8Array.from(body));
      expect(value.nonce).toHaveLength(12);
    }));
  });

  it("wrappedHeader() is version, length of the key id, and key id", () => {
    expect(wrappedHeader("k-1")).toEqual(Uint8Array.of(2, 3, 0x6b, 0x2d, 0x31));
    expect(wrappedHeader("ü")).toEqual(Uint8Array.of(2, 2, 0xc3, 0xbc));
  });

  it("wrappedHeader() takes a key id of 1 to 255 bytes", () => {
    expect(() => wrappedHeader("")).toThrow(RangeError);
    expect(() => wrappedHeader("x".repeat(256))).toThrow(RangeError);
    expect(() => wrappedHeader("ü".repeat(128))).toThrow(RangeError);
    expect(wrappedHeader("x".repeat(255))).toHaveLength(257);
  });

  it("a wrapped value too short for a nonce and a tag is refused", async () => {
    const whole = concatBytes(wrappedHeader("k-1"), new Uint8Array(28));
    expect(parseWrappedValue(whole).ciphertext).toHaveLength(16);
    for (let length = 0; length < whole.length; length++) {
      expect(await codeOf(() => parseWrappedValue(whole.subarray(0, length))))
        .toBe("record_malformed");
    }
  });

  it("a wrapped value with another version, or without a valid key id, is refused", async () => {
    const body = new Uint8Array(40);
    const heads = [[1, 1, 0x6b], [3, 1, 0x6b], [2, 0], [2, 1, 0xff], [2, 2, 0xc3, 0x28]];
    for (const head of heads) {
      expect(await codeOf(() => parseWrappedValue(concatBytes(Uint8Array.from(head), body))))
        .toBe("record_malformed");
    }
  });

  it("parseWrappedValue() parses or refuses any bytes", async () => {
    const head = fc.tuple(fc.constant(2), fc.integer({ min: 0, max: 4 }));
    const likely = fc.tuple(head, fc.uint8Array({ maxLength: 60 }))
      .map(([start, rest]) => Uint8Array.of(...start, ...rest));
    await fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array(), likely), async (bytes) => {
      expect(await codeOf(() => parseWrappedValue(bytes))).toMatch(/^(no error|record_malformed)$/);
    }));
  });
});

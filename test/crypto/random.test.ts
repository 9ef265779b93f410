import { describe, expect, it } from "vitest";
import { randomBase62, randomBytes, randomUuid } from "../../src/crypto/random.ts";

describe("randomBytes()", () => {
  it("randomBytes() fills more than Web Crypto gives at once", () => {
    const bytes = randomBytes(200_000);
    expect(bytes).toHaveLength(200_000);
    for (const start of [0, 65_536, 131_072, 199_968]) {
      expect(bytes.subarray(start, start + 32).some((byte) => byte !== 0)).toBe(true);
    }
  });

  it("randomBytes() refuses a length that is not a non-negative integer", () => {
    for (const length of [-1, 1.5, Number.NaN, Infinity]) {
      expect(() => randomBytes(length)).toThrow(RangeError);
    }
    expect(randomBytes(0)).toHaveLength(0);
  });
});

describe("randomUuid()", () => {
  it("randomUuid() sets version and variant, whatever the bytes", () => {
    expect(randomUuid((length) => new Uint8Array(length))).toBe(
      "00000000-0000-4000-8000-000000000000",
    );
    expect(randomUuid((length) => new Uint8Array(length).fill(255))).toBe(
      "ffffffff-ffff-4fff-bfff-ffffffffffff",
    );
  });
});

describe("randomBase62()", () => {
  it("randomBase62() maps 62 six-bit values to characters and skips the other two", () => {
    let next = 0;
    const counting = (length: number) => new Uint8Array(length).map(() => next++);
    const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    expect(randomBase62(counting, 4 * 62)).toBe(alphabet.repeat(4));
    expect(next).toBe(4 * 64 - 2);
  });

  it("randomBase62() gives the length asked for and uses every character", () => {
    const text = Array.from({ length: 10 }, () => randomBase62(randomBytes, 1000)).join("");
    expect(text).toMatch(/^[0-9A-Za-z]{10000}$/);
    expect(new Set(text).size).toBe(62);
    expect(randomBase62(randomBytes, 0)).toBe("");
  });

  it("randomBase62() throws when the generator never gives a usable byte", () => {
    expect(() => randomBase62((length) => new Uint8Array(length).fill(63), 4)).toThrow(/stuck/);
  });
});

import { describe, expect, it } from "vitest";
import { invert, multiply, multiplyWord } from "../../src/crypto/gf256.ts";

/** Multiplies the polynomials in full, then divides by x^8 + x^4 + x^3 + x + 1. */
function slowMultiply(a: number, b: number): number {
  let product = 0;
  for (let i = 0; i < 8; i++) if (b & (1 << i)) product ^= a << i;
  for (let degree = 14; degree >= 8; degree--) {
    if (product & (1 << degree)) product ^= 0x11b << (degree - 8);
  }
  return product;
}

describe("multiply()", () => {
  it("multiply() equals long multiplication and division for all 65536 pairs", () => {
    const wrong: string[] = [];
    for (let a = 0; a < 256; a++) {
      for (let b = 0; b < 256; b++) {
        if (multiply(a, b) !== slowMultiply(a, b)) wrong.push(`${a} * ${b}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("multiply() gives the example of FIPS 197 section 4.2", () => {
    expect(multiply(0x57, 0x83)).toBe(0xc1);
    expect(multiply(0x57, 0x13)).toBe(0xfe);
  });
});

describe("multiplyWord()", () => {
  it("multiplyWord() multiplies four bytes without a carry between them", () => {
    const wrong: string[] = [];
    for (let a = 0; a < 256; a++) {
      const bytes = [a, a ^ 0xff, (a * 7) & 0xff, 0x80];
      const word = bytes.reduce((sum, byte, i) => sum | (byte << (8 * i)), 0);
      for (let factor = 0; factor < 256; factor++) {
        const product = multiplyWord(word, factor);
        bytes.forEach((byte, i) => {
          const got = (product >>> (8 * i)) & 0xff;
          if (got !== slowMultiply(byte, factor)) wrong.push(`${byte} * ${factor} at ${i}`);
        });
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("invert()", () => {
  it("invert() gives the inverse of all 255 elements, and zero for zero", () => {
    for (let a = 1; a < 256; a++) expect(slowMultiply(a, invert(a))).toBe(1);
    expect(invert(0)).toBe(0);
  });
});

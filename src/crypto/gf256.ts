/**
 * GF(2^8) with the AES polynomial x^8 + x^4 + x^3 + x + 1 (0x11B). Addition is XOR. No table index,
 * branch or loop bound depends on an operand, so timing reveals nothing about the secret.
 */

const LOW_BITS = 0x01010101;
const LOW_SEVEN_BITS = 0x7f7f7f7f;

/**
 * Multiplies each of the four bytes packed in `word` by `factor` (0…255) and returns a signed
 * 32-bit word. Four bytes cost as much as one, and their order does not matter.
 */
export function multiplyWord(word: number, factor: number): number {
  let product = 0;
  let power = word | 0;
  for (let bit = 0; bit < 8; bit++) {
    product ^= power & (0 - ((factor >>> bit) & 1));
    const carries = (power >>> 7) & LOW_BITS;
    // Doubles every byte; a byte that overflows is reduced by 0x1B = 0b11011.
    power = ((power & LOW_SEVEN_BITS) << 1) ^ carries ^ (carries << 1) ^ (carries << 3) ^
      (carries << 4);
  }
  return product;
}

/** Product of two field elements (0…255). */
export function multiply(a: number, b: number): number {
  return multiplyWord(a, b) & 0xff;
}

/** The inverse of `a`, as a^254. Zero has none and gives zero. */
export function invert(a: number): number {
  let square = a;
  let inverse = 1;
  for (let bit = 1; bit < 8; bit++) {
    square = multiply(square, square);
    inverse = multiply(inverse, square);
  }
  return inverse;
}

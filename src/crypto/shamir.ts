/**
 * Shamir's secret sharing over GF(2^8), byte by byte. Shares have Vault's form `y… ‖ x`, one byte
 * longer than the secret. Pure: randomness is passed in. An x coordinate is not secret (every
 * holder sees one, and it says nothing about the y's), so x may steer loops and comparisons; y
 * never does. There is no split into one share: the caller hands out the key itself.
 */

import { invalidRequest } from "../errors.ts";
import { SHAMIR_DRAWS_MAX, SHAMIR_SECRET_MAX_BYTES, SHARES_MAX } from "../limits.ts";
import { wipe } from "./bytes.ts";
import { checkBytes, checkInteger } from "./check.ts";
import { invert, multiply, multiplyWord } from "./gf256.ts";
import type { RandomBytes } from "./random.ts";

const WORD_BYTES = 4;
const DRAW_BYTES = 256;

/**
 * Splits `secret` (1 to 65535 bytes) into `shareCount` shares, any `threshold` of which combine to
 * it. Throws RangeError unless 2 <= threshold <= shareCount <= 255.
 */
export function splitSecret(
  secret: Uint8Array,
  shareCount: number,
  threshold: number,
  random: RandomBytes,
): Uint8Array<ArrayBuffer>[] {
  checkBytes("secret", secret, 1, SHAMIR_SECRET_MAX_BYTES);
  checkInteger("shareCount", shareCount, 2, SHARES_MAX);
  checkInteger("threshold", threshold, 2, shareCount);
  // Lowest power first. Each coefficient is uniform, zero included: a polynomial whose top
  // coefficient is known not to be zero would exclude one secret per set of threshold - 1 shares.
  const coefficients = [packWords(secret)];
  try {
    for (let power = 1; power < threshold; power++) {
      const bytes = random(secret.length);
      checkBytes("random bytes", bytes, secret.length);
      coefficients.push(packWords(bytes));
      wipe(bytes);
    }
    return drawCoordinates(shareCount, random).map((x) =>
      toShare(evaluate(coefficients, x), secret.length, x)
    );
  } finally {
    for (const words of coefficients) words.fill(0);
  }
}

/**
 * The secret of the polynomial through `shares`. Too few shares, or shares of different splits,
 * give a wrong secret and no error; only a seal can tell. Throws `VaultError("invalid_request")`,
 * in Vault's words, for shares that cannot belong together.
 */
export function combineShares(shares: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const coordinates = checkShares(shares);
  const secretBytes = shares[0]!.length - 1;
  const sum = new Int32Array(Math.ceil(secretBytes / WORD_BYTES));
  for (const [index, share] of shares.entries()) {
    const weight = weightAtZero(coordinates, index);
    const words = packWords(share.subarray(0, secretBytes));
    for (let i = 0; i < sum.length; i++) sum[i]! ^= multiplyWord(words[i]!, weight);
    words.fill(0);
  }
  const secret = new Uint8Array(sum.buffer).slice(0, secretBytes);
  sum.fill(0);
  return secret;
}

/** Returns the x coordinates, all distinct. */
function checkShares(shares: readonly Uint8Array[]): Uint8Array {
  const first = shares[0];
  if (first === undefined || shares.length < 2) {
    throw invalidRequest("less than two parts cannot be used to reconstruct the secret");
  }
  if (first.length < 2) throw invalidRequest("parts must be at least two bytes");
  const seen = new Set<number>();
  for (const share of shares) {
    if (share.length !== first.length) throw invalidRequest("all parts must be the same length");
    const x = share[share.length - 1]!;
    if (seen.has(x)) throw invalidRequest("duplicate part detected");
    seen.add(x);
  }
  return Uint8Array.from(seen);
}

/** The Lagrange basis polynomial of one share at x = 0. Subtraction is XOR. */
function weightAtZero(coordinates: Uint8Array, index: number): number {
  const own = coordinates[index]!;
  let numerator = 1;
  let denominator = 1;
  for (const [other, x] of coordinates.entries()) {
    if (other === index) continue;
    numerator = multiply(numerator, x);
    denominator = multiply(denominator, own ^ x);
  }
  return multiply(numerator, invert(denominator));
}

/** Horner's scheme. The caller wipes the returned words. */
function evaluate(coefficients: readonly Int32Array[], x: number): Int32Array<ArrayBuffer> {
  const values = new Int32Array(coefficients[0]!.length);
  for (const words of coefficients.toReversed()) {
    for (let i = 0; i < values.length; i++) values[i] = multiplyWord(values[i]!, x) ^ words[i]!;
  }
  return values;
}

/** Distinct values of 1…255 in the order they were drawn. At zero lies the secret itself. */
function drawCoordinates(count: number, random: RandomBytes): number[] {
  const drawn = new Set<number>();
  for (let draw = 0; draw < SHAMIR_DRAWS_MAX; draw++) {
    for (const x of random(DRAW_BYTES)) {
      if (drawn.size === count) return [...drawn];
      if (x !== 0) drawn.add(x);
    }
  }
  throw new Error("could not draw share coordinates: generator is stuck");
}

function toShare(
  values: Int32Array<ArrayBuffer>,
  secretBytes: number,
  x: number,
): Uint8Array<ArrayBuffer> {
  const share = new Uint8Array(secretBytes + 1);
  share.set(new Uint8Array(values.buffer, 0, secretBytes));
  share[secretBytes] = x;
  values.fill(0);
  return share;
}

/** Packs bytes into words of four, the last padded with zeros, which stay zero in every product. */
function packWords(bytes: Uint8Array): Int32Array<ArrayBuffer> {
  const words = new Int32Array(Math.ceil(bytes.length / WORD_BYTES));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

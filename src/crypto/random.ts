/**
 * Randomness from Web Crypto, and identifiers made from it. Code that needs randomness takes a
 * `RandomBytes`, so that tests can control it; only the runtimes pass `randomBytes` itself.
 */

import { decodeUtf8, encodeHex } from "./bytes.ts";
import { checkInteger } from "./check.ts";
import { RANDOM_ROUNDS_MAX } from "../limits.ts";

/** `length` unguessable bytes, in a new buffer. */
export type RandomBytes = (length: number) => Uint8Array<ArrayBuffer>;

/** Quota of one `getRandomValues` call (W3C Web Cryptography API). */
const QUOTA_BYTES = 65_536;

/** From the platform's generator. Throws RangeError unless `length` is a non-negative integer. */
export function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  checkInteger("length", length, 0, Number.MAX_SAFE_INTEGER);
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += QUOTA_BYTES) {
    crypto.getRandomValues(bytes.subarray(start, start + QUOTA_BYTES));
  }
  return bytes;
}

/** A version 4 UUID (RFC 9562), lower case. */
export function randomUuid(random: RandomBytes): string {
  const bytes = random(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = encodeHex(bytes);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}

/**
 * `length` (0 to 1024) characters of 0-9A-Za-z, uniformly distributed: each is drawn from six
 * random bits, and 62 and 63 are rejected. Throws Error if the generator gives nothing usable.
 */
export function randomBase62(random: RandomBytes, length: number): string {
  checkInteger("length", length, 0, 1024);
  const codes = new Uint8Array(length);
  let found = 0;
  for (let round = 0; found < length; round++) {
    if (round === RANDOM_ROUNDS_MAX) {
      throw new Error("could not draw base62 characters: generator is stuck");
    }
    for (const byte of random(length - found)) {
      const value = byte & 63;
      if (value < 62) codes[found++] = base62Code(value);
    }
  }
  return decodeUtf8(codes);
}

/** Arithmetic instead of a table, because the characters become tokens. */
function base62Code(value: number): number {
  return value + 48 + (((9 - value) >> 8) & 7) + (((35 - value) >> 8) & 6);
}

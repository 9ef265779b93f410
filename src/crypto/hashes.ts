/**
 * The hash functions that callers may choose by Vault's names (`transit/hash`, `transit/hmac`,
 * `sys/tools/hash`). The product itself uses `digest.ts`. Long data is hashed in slices, and other
 * requests run between them.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha224, sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha3_224, sha3_256, sha3_384, sha3_512 } from "@noble/hashes/sha3.js";
import { HASH_SLICE_BYTES } from "../limits.ts";
import { pause } from "./pause.ts";

/** FIPS 180-4 and FIPS 202. */
const HASHES = new Map([
  ["sha2-224", sha224],
  ["sha2-256", sha256],
  ["sha2-384", sha384],
  ["sha2-512", sha512],
  ["sha3-224", sha3_224],
  ["sha3-256", sha3_256],
  ["sha3-384", sha3_384],
  ["sha3-512", sha3_512],
]);

export function isHashNamed(algorithm: string): boolean {
  return HASHES.has(algorithm);
}

/** 28 to 64 bytes, depending on the algorithm; null for an unknown name. */
export async function hashNamed(algorithm: string, data: Uint8Array): Promise<Uint8Array | null> {
  const hash = HASHES.get(algorithm);
  return hash === undefined ? null : await digestInSlices(hash.create(), data);
}

/** As long as the hash. RFC 2104. Throws RangeError for a name that `isHashNamed` rejects. */
export async function hmacNamed(
  algorithm: string,
  key: Uint8Array,
  data: Uint8Array,
): Promise<Uint8Array> {
  const hash = HASHES.get(algorithm);
  if (hash === undefined) throw new RangeError(`no hash function is called ${algorithm}`);
  return await digestInSlices(hmac.create(hash, key), data);
}

interface Digesting {
  update(data: Uint8Array): unknown;
  digest(): Uint8Array;
}

async function digestInSlices(digesting: Digesting, data: Uint8Array): Promise<Uint8Array> {
  for (let at = 0; at < data.length; at += HASH_SLICE_BYTES) {
    if (at > 0) await pause();
    digesting.update(data.subarray(at, at + HASH_SLICE_BYTES));
  }
  return digesting.digest();
}

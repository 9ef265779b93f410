/**
 * The hash functions that callers may choose by Vault's names (`transit/hash`, `sys/tools/hash`).
 * The product itself uses `digest.ts`. Synchronous and pure.
 */

import { sha224, sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha3_224, sha3_256, sha3_384, sha3_512 } from "@noble/hashes/sha3.js";

type Hash = (data: Uint8Array) => Uint8Array;

/** FIPS 180-4 and FIPS 202. */
const HASHES: ReadonlyMap<string, Hash> = new Map<string, Hash>([
  ["sha2-224", sha224],
  ["sha2-256", sha256],
  ["sha2-384", sha384],
  ["sha2-512", sha512],
  ["sha3-224", sha3_224],
  ["sha3-256", sha3_256],
  ["sha3-384", sha3_384],
  ["sha3-512", sha3_512],
]);

/** 28 to 64 bytes, by the algorithm; null when there is none of that name. */
export function hashNamed(algorithm: string, data: Uint8Array): Uint8Array | null {
  return HASHES.get(algorithm)?.(data) ?? null;
}

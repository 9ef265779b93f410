/**
 * HMAC-SHA256 for one key and many short texts: the two blocks that depend on the key alone are
 * computed once. Synchronous, as `digest.ts`.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

/** What `hmacSha256` of `digest.ts` gives for the same key: 32 bytes for data of any length. */
export type KeyedHmac = (data: Uint8Array) => Uint8Array<ArrayBuffer>;

export function createKeyedHmac(key: Uint8Array): KeyedHmac {
  const keyed = hmac.create(sha256, key);
  return (data) => keyed.clone().update(data).digest() as Uint8Array<ArrayBuffer>;
}

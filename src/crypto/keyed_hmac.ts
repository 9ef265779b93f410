/**
 * HMAC-SHA256 for one key and many short texts: the two blocks that depend only on the key are
 * computed once, and one working state serves all calls. Synchronous, like `digest.ts`.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

const DIGEST_BYTES = 32;

/** Same result as `hmacSha256` of `digest.ts`: 32 bytes for data of any length. */
export type KeyedHmac = (data: Uint8Array) => Uint8Array<ArrayBuffer>;

export function createKeyedHmac(key: Uint8Array): KeyedHmac {
  const keyed = hmac.create(sha256, key);
  // Cloning per call would cost more than the digest, and `digestInto` leaves no state behind.
  const working = keyed.clone();
  return (data) => {
    keyed._cloneInto(working);
    const digest = new Uint8Array(DIGEST_BYTES);
    working.update(data).digestInto(digest);
    return digest;
  };
}

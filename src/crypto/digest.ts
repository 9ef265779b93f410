/**
 * SHA-256, and HMAC and HKDF over it. Synchronous, so that pure functions may use them. Wraps noble
 * so that other rooms name no library.
 */

import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { encodeUtf8 } from "./bytes.ts";
import { checkBytes, checkInteger } from "./check.ts";

const DIGEST_BYTES = 32;
/** RFC 5869 section 2.3: the counter is one byte. */
const HKDF_LARGEST_BYTES = 255 * DIGEST_BYTES;

/** 32 bytes. FIPS 180-4. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return nobleSha256(data);
}

/** 32 bytes, for a key of any length. RFC 2104. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return hmac(nobleSha256, key, data);
}

/**
 * Derives `lengthBytes` (1 to 8160) from `ikm`, which must not be empty. RFC 5869: an absent salt
 * equals 32 zero bytes, and the label `info` keeps two uses of one key apart.
 */
export function hkdfSha256(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: string | Uint8Array,
  lengthBytes: number,
): Uint8Array<ArrayBuffer> {
  checkBytes("ikm", ikm, 1, Number.MAX_SAFE_INTEGER);
  checkInteger("lengthBytes", lengthBytes, 1, HKDF_LARGEST_BYTES);
  const label = typeof info === "string" ? encodeUtf8(info) : info;
  return hkdf(nobleSha256, ikm, salt, label, lengthBytes);
}

/** Shares as they travel: hexadecimal or base64 text of 16 to 33 bytes. */

import { decodeBase64, decodeHex } from "../../../crypto/bytes.ts";
import { invalidRequest } from "../../../errors.ts";
import { SUBMITTED_KEY_MAX_BYTES, SUBMITTED_KEY_MIN_BYTES } from "../../../limits.ts";
import { parseShare } from "../../../ceremony/shares.ts";
import type { Share } from "../../../crypto/keys.ts";

const UNREADABLE = "'key' must be a valid hex or base64 string";

/**
 * Hex is tried first and taken only at a key's length, otherwise the text is read as base64: so
 * "abcd" is three bytes. Throws `invalid_request` for what is neither.
 */
export function decodeShare(text: string): Uint8Array<ArrayBuffer> {
  const hex = decodeHex(text);
  if (hex !== null && isKeyLength(hex)) return hex;
  const base64 = decodeBase64(text);
  if (base64 === null || base64.length === 0) {
    throw invalidRequest(UNREADABLE);
  }
  return base64;
}

/** The same where blanks around the text do not count and hex is hex at any length. */
export function decodeTrimmedShare(text: string): Uint8Array<ArrayBuffer> {
  const trimmed = text.trim();
  const share = decodeHex(trimmed) ?? decodeBase64(trimmed);
  if (share === null) throw invalidRequest(UNREADABLE);
  return share;
}

function isKeyLength(bytes: Uint8Array): boolean {
  return bytes.length >= SUBMITTED_KEY_MIN_BYTES && bytes.length <= SUBMITTED_KEY_MAX_BYTES;
}

/** A share for a ceremony: decoded, and of a length that can be one. */
export function decodeCeremonyShare(text: string): Share {
  return parseShare(decodeShare(text), "");
}

/** Shares on the wire: hexadecimal or base64 text of 16 to 33 bytes. */

import { decodeBase64, decodeHex } from "../../../crypto/bytes.ts";
import { invalidRequest } from "../../../errors.ts";
import { SUBMITTED_KEY_MAX_BYTES, SUBMITTED_KEY_MIN_BYTES } from "../../../limits.ts";
import { parseShare } from "../../../ceremony/shares.ts";
import type { Share } from "../../../crypto/keys.ts";

const UNREADABLE = "'key' must be a valid hex or base64 string";

/**
 * Hex is tried first, but accepted only at a share's length; otherwise the text is read as base64.
 * So "abcd" is three bytes. Throws `invalid_request` if it is neither.
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

/** Like `decodeShare`, but trims blanks and accepts hex of any length. */
export function decodeTrimmedShare(text: string): Uint8Array<ArrayBuffer> {
  const trimmed = text.trim();
  const share = decodeHex(trimmed) ?? decodeBase64(trimmed);
  if (share === null) throw invalidRequest(UNREADABLE);
  return share;
}

function isKeyLength(bytes: Uint8Array): boolean {
  return bytes.length >= SUBMITTED_KEY_MIN_BYTES && bytes.length <= SUBMITTED_KEY_MAX_BYTES;
}

/** Decodes a share for a ceremony, and checks its length. Throws `invalid_request`. */
export function decodeCeremonyShare(text: string): Share {
  return parseShare(decodeShare(text), "");
}

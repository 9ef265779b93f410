/**
 * Splits a key among holders, joins it again, and makes check values: they tell at once whether a
 * submitted share, or a key, is right, without storing either. A vault with one share hands out the
 * bare key.
 */

import { equalBytes } from "../crypto/bytes.ts";
import { hmacSha256 } from "../crypto/digest.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { combineShares, splitSecret } from "../crypto/shamir.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { SUBMITTED_KEY_MAX_BYTES, SUBMITTED_KEY_MIN_BYTES } from "../limits.ts";
import type { KeyCheck, ShareChecks } from "./state.ts";
import { type Share, share } from "../crypto/keys.ts";

const SALT_BYTES = 32;

/** Throws `invalid_request` for an impossible length, with Vault's message after `prefix`. */
export function parseShare(bytes: Uint8Array<ArrayBuffer>, prefix: string): Share {
  if (bytes.length < SUBMITTED_KEY_MIN_BYTES) {
    throw invalidRequest(`${prefix}key is shorter than minimum ${SUBMITTED_KEY_MIN_BYTES} bytes`);
  }
  if (bytes.length > SUBMITTED_KEY_MAX_BYTES) {
    throw invalidRequest(`${prefix}key is longer than maximum ${SUBMITTED_KEY_MAX_BYTES} bytes`);
  }
  return share(bytes);
}

/** Derives the key of check values from the keyring, so that only an unsealed vault can check. */
export type CheckKey = (salt: Uint8Array) => Uint8Array;

/** `shares` shares of `key` (32 bytes): 33 bytes each, or the key itself if there is only one. */
export function splitKey(
  key: Uint8Array,
  shares: number,
  threshold: number,
  random: RandomBytes,
): readonly Share[] {
  if (shares === 1) return [share(Uint8Array.from(key))];
  return splitSecret(key, shares, threshold, random).map(share);
}

/** The key that shares make. Throws `invalid_request` if they cannot be combined. */
export function joinShares(
  shares: readonly Share[],
  threshold: number,
): Uint8Array<ArrayBuffer> {
  const [only] = shares;
  return threshold === 1 && only !== undefined ? Uint8Array.from(only) : combineShares(shares);
}

export function createShareChecks(
  shares: readonly Share[],
  checkKey: CheckKey,
  random: RandomBytes,
): ShareChecks {
  const salt = random(SALT_BYTES);
  const key = checkKey(salt);
  return { salt, macs: shares.map((each) => hmacSha256(key, each)) };
}

/** Place of `given` among the checked shares, or null. The time does not depend on the place. */
export function placeOfShare(
  given: Share,
  checks: ShareChecks | null,
  checkKey: CheckKey,
): number | null {
  if (checks === null) return null;
  const mac = hmacSha256(checkKey(checks.salt), given);
  let count = 0;
  for (const [place, expected] of checks.macs.entries()) {
    count = Math.max(count, Number(equalBytes(expected, mac)) * (place + 1));
  }
  return count === 0 ? null : count - 1;
}

/** The check value of `key`, with a salt of its own. */
export function createKeyCheck(
  key: Uint8Array,
  checkKey: CheckKey,
  random: RandomBytes,
): KeyCheck {
  const salt = random(SALT_BYTES);
  return { salt, mac: hmacSha256(checkKey(salt), key) };
}

/**
 * The key that shares make. Throws `invalid_request` if they cannot be combined, and
 * `ciphertext_rejected` if the key is not the checked one.
 */
export function joinCheckedKey(
  shares: readonly Share[],
  threshold: number,
  check: KeyCheck,
  checkKey: CheckKey,
): Uint8Array<ArrayBuffer> {
  const key = joinShares(shares, threshold);
  if (equalBytes(hmacSha256(checkKey(check.salt), key), check.mac)) return key;
  throw new VaultError(
    "ciphertext_rejected",
    "cannot install the new key: the verified shares make another one",
  );
}

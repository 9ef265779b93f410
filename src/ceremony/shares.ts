/**
 * Splitting a key among holders, putting it together again, and the check values that tell at once
 * whether a submitted share is a right one. A vault with one share hands out the bare key.
 */

import { equalBytes } from "../crypto/bytes.ts";
import { hmacSha256 } from "../crypto/digest.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { combineShares, splitSecret } from "../crypto/shamir.ts";
import type { ShareChecks } from "./state.ts";

const SALT_BYTES = 32;

/** Derives the key of the check values from the keyring, so that only an open vault can check. */
export type CheckKey = (salt: Uint8Array) => Uint8Array;

/** `shares` shares of `key` (32 bytes): 33 bytes each, or the key itself when there is only one. */
export function splitKey(
  key: Uint8Array,
  shares: number,
  threshold: number,
  random: RandomBytes,
): readonly Uint8Array<ArrayBuffer>[] {
  return shares === 1 ? [Uint8Array.from(key)] : splitSecret(key, shares, threshold, random);
}

/** What the submitted shares make. Throws `invalid_request` when they cannot be combined. */
export function joinShares(
  shares: readonly Uint8Array<ArrayBuffer>[],
  threshold: number,
): Uint8Array<ArrayBuffer> {
  const [only] = shares;
  return threshold === 1 && only !== undefined ? Uint8Array.from(only) : combineShares(shares);
}

export function createShareChecks(
  shares: readonly Uint8Array[],
  checkKey: CheckKey,
  random: RandomBytes,
): ShareChecks {
  const salt = random(SALT_BYTES);
  const key = checkKey(salt);
  return { salt, macs: shares.map((share) => hmacSha256(key, share)) };
}

/** Whether `share` is one of the checked ones; the time does not tell which. */
export function isKnownShare(
  share: Uint8Array,
  checks: ShareChecks | null,
  checkKey: CheckKey,
): boolean {
  if (checks === null) return false;
  const mac = hmacSha256(checkKey(checks.salt), share);
  let known = false;
  for (const expected of checks.macs) known = equalBytes(expected, mac) || known;
  return known;
}

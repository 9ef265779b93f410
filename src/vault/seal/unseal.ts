/**
 * Unsealing. A Shamir seal takes unseal shares. A static seal uses the key in the settings: at
 * start, or after a seal by request once recovery shares authorise it.
 */

import { type OpenedKeys, readKeyRecords, readRecoveryKey } from "../../ceremony/key_records.ts";
import { joinShares } from "../../ceremony/shares.ts";
import { equalBytes } from "../../crypto/bytes.ts";
import { type Share, unsealKey } from "../../crypto/keys.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { KEY_BYTES } from "../../limits.ts";
import type { Seal } from "../../seal/seal.ts";
import { createShamirSeal } from "../../seal/shamir_seal.ts";
import type { Store } from "../../storage/store.ts";

/** AES key lengths, which OpenBao accepts as unseal keys before decryption fails. */
const CIPHER_KEY_BYTES: ReadonlySet<number> = new Set([16, 24, KEY_BYTES]);
const AUTHENTICATION_FAILED = "cipher: message authentication failed";

/** For seals that open by themselves and so never ask for a joined key. */
export function noShares(): never {
  throw new TypeError("this seal does not open by itself");
}

/** Opens the stored keys with enough unseal shares. Throws `invalid_request` in Vault's words. */
export async function openWithShares(
  store: Store,
  shares: readonly Share[],
  threshold: number,
  random: RandomBytes,
): Promise<OpenedKeys> {
  const joined = joinOrRefuse(shares, threshold);
  if (!CIPHER_KEY_BYTES.has(joined.length)) {
    throw invalidRequest(
      `invalid key: failed to setup unseal key: invalid key size ${joined.length}`,
    );
  }
  if (joined.length !== KEY_BYTES) throw wrongKey();
  try {
    return await readKeyRecords(store, createShamirSeal(unsealKey(joined), [], random));
  } catch (error) {
    if (isWrongKey(error)) throw wrongKey();
    throw error;
  }
}

function wrongKey(): VaultError {
  return invalidRequest(
    "unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: " +
      AUTHENTICATION_FAILED,
  );
}

function joinOrRefuse(
  shares: readonly Share[],
  threshold: number,
): Uint8Array<ArrayBuffer> {
  try {
    return joinShares(shares, threshold);
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== "invalid_request") throw error;
    throw invalidRequest(`invalid key: failed to compute combined key: ${error.message}`);
  }
}

/** Checks recovery shares against the recovery key. Throws `invalid_request` in Vault's words. */
export async function checkRecoveryShares(
  store: Store,
  seal: Seal,
  shares: readonly Share[],
  threshold: number,
): Promise<void> {
  const joined = joinOrRefuse(shares, threshold);
  const refused = (reason: string) =>
    invalidRequest(`invalid key: failed to verify recovery key: ${reason}`);
  let expected: Uint8Array | null;
  try {
    expected = await readRecoveryKey(store, seal);
  } catch (error) {
    if (!isWrongKey(error)) throw error;
    throw refused(`failed to decrypt encrypted stored keys: ${sealFailure(error)}`);
  }
  if (expected === null || !equalBytes(expected, joined)) {
    throw refused("recovery key does not match submitted values");
  }
}

export function isWrongKey(error: unknown): error is VaultError {
  return error instanceof VaultError &&
    (error.code === "ciphertext_rejected" || error.code === "unknown_key");
}

/** Why a seal could not unwrap, without internal details. */
export function sealFailure(error: VaultError): string {
  return error.code === "unknown_key" ? error.message : AUTHENTICATION_FAILED;
}

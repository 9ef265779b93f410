/**
 * What both ciphers with associated data share: the interface, what a call may be given, and the one
 * way a decryption fails. Choosing the nonce is the caller's business, because only the caller can
 * argue that a pair of key and nonce is never used twice.
 */

import { VaultError } from "../errors.ts";
import { AEAD_INPUT_MAX_BYTES, NONCE_BYTES, TAG_BYTES } from "../limits.ts";
import { checkBytes } from "./check.ts";

/** One key, for encrypting and decrypting. */
export interface Aead {
  /** Answers ciphertext ‖ tag (16 bytes). `nonce`: 12 bytes, never twice with one key. */
  encrypt(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array>;
  /**
   * Inverse of `encrypt`. Rejects with `VaultError("ciphertext_rejected")`, with one text whatever the
   * cause: wrong key, wrong path, damage, truncation.
   */
  decrypt(nonce: Uint8Array, ciphertextAndTag: Uint8Array, aad: Uint8Array): Promise<Uint8Array>;
}

/** Throws TypeError or RangeError, as `checkBytes`: wrong lengths here are a bug of the caller. */
export function checkEncryption(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): void {
  checkInputs(nonce, "plaintext", plaintext, aad);
}

/** As `checkEncryption`. Throws `ciphertext_rejected` for a ciphertext that is shorter than a tag. */
export function checkDecryption(
  nonce: Uint8Array,
  ciphertextAndTag: Uint8Array,
  aad: Uint8Array,
): void {
  checkInputs(nonce, "ciphertext", ciphertextAndTag, aad);
  // Truncation happened where it was stored, not in the calling code, so it looks like other damage.
  if (ciphertextAndTag.length < TAG_BYTES) throw ciphertextRejected();
}

export function ciphertextRejected(cause?: unknown): VaultError {
  return new VaultError(
    "ciphertext_rejected",
    "could not decrypt: message authentication failed",
    { cause },
  );
}

function checkInputs(nonce: Uint8Array, name: string, text: Uint8Array, aad: Uint8Array): void {
  checkBytes("nonce", nonce, NONCE_BYTES);
  checkBytes(name, text, 0, AEAD_INPUT_MAX_BYTES);
  checkBytes("aad", aad, 0, AEAD_INPUT_MAX_BYTES);
}

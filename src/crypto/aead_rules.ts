/**
 * What both AEAD ciphers share: the interface, the checks on arguments, and the one error of a
 * failed decryption. The caller chooses the nonce, because only the caller can argue that a pair of
 * key and nonce is never used twice.
 */

import { VaultError } from "../errors.ts";
import { AEAD_INPUT_MAX_BYTES, NONCE_BYTES, TAG_BYTES } from "../limits.ts";
import { checkBytes } from "./check.ts";

/** One key, for encrypting and decrypting. */
export interface Aead {
  /** Returns ciphertext ‖ tag (16 bytes). `nonce` has 12 bytes and is never reused with one key. */
  encrypt(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array>;
  /**
   * Inverse of `encrypt`. Rejects with `VaultError("ciphertext_rejected")`, whose message is the
   * same for a wrong key, a wrong path, damage and truncation.
   */
  decrypt(nonce: Uint8Array, ciphertextAndTag: Uint8Array, aad: Uint8Array): Promise<Uint8Array>;
}

/** Throws TypeError or RangeError like `checkBytes`: wrong lengths are bugs in the calling code. */
export function checkEncryption(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): void {
  checkInputs(nonce, "plaintext", plaintext, aad);
}

/** Like `checkEncryption`. Throws `ciphertext_rejected` for a ciphertext shorter than a tag. */
export function checkDecryption(
  nonce: Uint8Array,
  ciphertextAndTag: Uint8Array,
  aad: Uint8Array,
): void {
  checkInputs(nonce, "ciphertext", ciphertextAndTag, aad);
  // Truncation happens in storage, not in the calling code, so it counts as damage.
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

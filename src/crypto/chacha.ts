/**
 * ChaCha20-Poly1305 (RFC 8439) by noble, in the form of `AeadKey`: Web Crypto does not have it. Only
 * additions, rotations and exclusive ors touch secrets, no table is indexed by them. Choosing the
 * nonce is the caller's business. Much data is worked on in slices. A failed decryption has one code
 * and one text, whatever the cause.
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { VaultError } from "../errors.ts";
import { CHACHA_SLICE_BYTES, KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "../limits.ts";
import { equalBytes } from "./bytes.ts";
import { cryptInSlices, tagInSlices } from "./chacha_slices.ts";
import { checkBytes } from "./check.ts";

/** Bounds what a call may be given; the stores' own limit is far below. */
const INPUT_MAX_BYTES = 2 ** 31;

/** One ChaCha20-Poly1305 key, for encrypting and decrypting. */
export class ChaChaKey {
  readonly #key: Uint8Array;

  /** `keyBytes`: 32, copied, so the caller may wipe them. */
  constructor(keyBytes: Uint8Array) {
    checkBytes("key", keyBytes, KEY_BYTES);
    this.#key = keyBytes.slice();
  }

  /** Answers ciphertext ‖ tag (16 bytes). `nonce`: 12 bytes, never twice with one key. */
  async encrypt(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    checkInputs(nonce, "plaintext", plaintext, aad);
    if (plaintext.length + aad.length > CHACHA_SLICE_BYTES) {
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
      const ciphertext = sealed.subarray(0, plaintext.length);
      await cryptInSlices(this.#key, nonce, plaintext, ciphertext);
      sealed.set(await tagInSlices(this.#key, nonce, ciphertext, aad), plaintext.length);
      return sealed;
    }
    return chacha20poly1305(this.#key, nonce, aad).encrypt(plaintext);
  }

  /** Inverse of `encrypt`. Rejects with `VaultError("ciphertext_rejected")`; see the file's head. */
  async decrypt(
    nonce: Uint8Array,
    ciphertextAndTag: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array> {
    checkInputs(nonce, "ciphertext", ciphertextAndTag, aad);
    // Truncated by whoever wrote it, not by a bug of the caller: looks like any other damage.
    if (ciphertextAndTag.length < TAG_BYTES) throw rejected();
    if (ciphertextAndTag.length + aad.length > CHACHA_SLICE_BYTES) {
      const ciphertext = ciphertextAndTag.subarray(0, -TAG_BYTES);
      const tag = await tagInSlices(this.#key, nonce, ciphertext, aad);
      if (!equalBytes(tag, ciphertextAndTag.subarray(-TAG_BYTES))) throw rejected();
      const plaintext = new Uint8Array(ciphertext.length);
      await cryptInSlices(this.#key, nonce, ciphertext, plaintext);
      return plaintext;
    }
    try {
      return chacha20poly1305(this.#key, nonce, aad).decrypt(ciphertextAndTag);
    } catch (cause) {
      throw rejected(cause);
    }
  }
}

function checkInputs(nonce: Uint8Array, name: string, text: Uint8Array, aad: Uint8Array): void {
  checkBytes("nonce", nonce, NONCE_BYTES);
  checkBytes(name, text, 0, INPUT_MAX_BYTES);
  checkBytes("aad", aad, 0, INPUT_MAX_BYTES);
}

function rejected(cause?: unknown): VaultError {
  return new VaultError(
    "ciphertext_rejected",
    "could not decrypt: message authentication failed",
    { cause },
  );
}

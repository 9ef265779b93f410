/**
 * ChaCha20-Poly1305 (RFC 8439) by noble, because Web Crypto lacks it. Secrets meet only additions,
 * rotations and exclusive ors, and never index a table. Long texts are processed in slices.
 * `aead_rules.ts` has the rules on nonces and lengths and the one error of a failed decryption.
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { CHACHA_SLICE_BYTES, KEY_BYTES, TAG_BYTES } from "../limits.ts";
import { type Aead, checkDecryption, checkEncryption, ciphertextRejected } from "./aead_rules.ts";
import { equalBytes } from "./bytes.ts";
import { cryptInSlices, tagInSlices } from "./chacha_slices.ts";
import { checkBytes } from "./check.ts";

/** One ChaCha20-Poly1305 key, for encrypting and decrypting. */
export class ChaChaKey implements Aead {
  readonly #key: Uint8Array;

  /** Copies the 32 `keyBytes`; the caller may wipe them. */
  constructor(keyBytes: Uint8Array) {
    checkBytes("key", keyBytes, KEY_BYTES);
    this.#key = keyBytes.slice();
  }

  async encrypt(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array> {
    checkEncryption(nonce, plaintext, aad);
    if (plaintext.length + aad.length > CHACHA_SLICE_BYTES) {
      const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
      const ciphertext = sealed.subarray(0, plaintext.length);
      await cryptInSlices(this.#key, nonce, plaintext, ciphertext);
      sealed.set(await tagInSlices(this.#key, nonce, ciphertext, aad), plaintext.length);
      return sealed;
    }
    return chacha20poly1305(this.#key, nonce, aad).encrypt(plaintext);
  }

  async decrypt(
    nonce: Uint8Array,
    ciphertextAndTag: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array> {
    checkDecryption(nonce, ciphertextAndTag, aad);
    if (ciphertextAndTag.length + aad.length > CHACHA_SLICE_BYTES) {
      const ciphertext = ciphertextAndTag.subarray(0, -TAG_BYTES);
      const tag = await tagInSlices(this.#key, nonce, ciphertext, aad);
      if (!equalBytes(tag, ciphertextAndTag.subarray(-TAG_BYTES))) throw ciphertextRejected();
      const plaintext = new Uint8Array(ciphertext.length);
      await cryptInSlices(this.#key, nonce, ciphertext, plaintext);
      return plaintext;
    }
    try {
      return chacha20poly1305(this.#key, nonce, aad).decrypt(ciphertextAndTag);
    } catch (cause) {
      throw ciphertextRejected(cause);
    }
  }
}

/**
 * AES-256-GCM by Web Crypto. The key goes in and never comes out. `aead_rules.ts` has the rules on
 * nonces and lengths and the one error of a failed decryption.
 */

import { KEY_BYTES, TAG_BYTES } from "../limits.ts";
import { type Aead, checkDecryption, checkEncryption, ciphertextRejected } from "./aead_rules.ts";
import { checkBytes } from "./check.ts";

const ALGORITHM = "AES-GCM";

/** One AES-256-GCM key, for encrypting and decrypting. */
export class AeadKey implements Aead {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** Web Crypto copies the 32 `keyBytes`. The caller may wipe them once this is fulfilled. */
  static async import(keyBytes: Uint8Array): Promise<AeadKey> {
    checkBytes("key", keyBytes, KEY_BYTES);
    const usages: KeyUsage[] = ["encrypt", "decrypt"];
    // Not extractable, so that code which holds the object cannot leak the key's bytes.
    return new AeadKey(
      await crypto.subtle.importKey("raw", source(keyBytes), ALGORITHM, false, usages),
    );
  }

  async encrypt(
    nonce: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkEncryption(nonce, plaintext, aad);
    return new Uint8Array(
      await crypto.subtle.encrypt(parameters(nonce, aad), this.#key, source(plaintext)),
    );
  }

  async decrypt(
    nonce: Uint8Array,
    ciphertextAndTag: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkDecryption(nonce, ciphertextAndTag, aad);
    try {
      return new Uint8Array(
        await crypto.subtle.decrypt(parameters(nonce, aad), this.#key, source(ciphertextAndTag)),
      );
    } catch (cause) {
      throw ciphertextRejected(cause);
    }
  }
}

function parameters(nonce: Uint8Array, aad: Uint8Array): AesGcmParams {
  return {
    name: ALGORITHM,
    iv: source(nonce),
    additionalData: source(aad),
    tagLength: TAG_BYTES * 8,
  };
}

/** Narrows the type only. Web Crypto copies its input and refuses shared memory itself. */
function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

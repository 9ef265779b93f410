/**
 * AES-256-GCM by Web Crypto. The key goes in and never comes out. Choosing the nonce is the caller's
 * business, for only the caller can argue that a pair of key and nonce is never used twice. A failed
 * decryption has one code and one text, whatever the cause: wrong key, wrong path, damage, truncation.
 */

import { VaultError } from "../errors.ts";
import { KEY_BYTES, NONCE_BYTES, TAG_BYTES } from "../limits.ts";
import { checkBytes } from "./check.ts";

const ALGORITHM = "AES-GCM";
/** Bounds what a call may be given; the stores' own limit is far below. */
const INPUT_MAX_BYTES = 2 ** 31;

/** One AES-256-GCM key, for encrypting and decrypting. */
export class AeadKey {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /** `keyBytes`: 32, copied by Web Crypto, so the caller may wipe them once this is fulfilled. */
  static async import(keyBytes: Uint8Array): Promise<AeadKey> {
    checkBytes("key", keyBytes, KEY_BYTES);
    const usages: KeyUsage[] = ["encrypt", "decrypt"];
    // Not extractable: code that holds the object can use the key, but not leak its bytes.
    return new AeadKey(
      await crypto.subtle.importKey("raw", source(keyBytes), ALGORITHM, false, usages),
    );
  }

  /** Answers ciphertext ‖ tag (16 bytes). `nonce`: 12 bytes, never twice with one key. */
  async encrypt(
    nonce: Uint8Array,
    plaintext: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkInputs(nonce, "plaintext", plaintext, aad);
    return new Uint8Array(
      await crypto.subtle.encrypt(parameters(nonce, aad), this.#key, source(plaintext)),
    );
  }

  /** Inverse of `encrypt`. Rejects with `VaultError("ciphertext_rejected")`; see the file's head. */
  async decrypt(
    nonce: Uint8Array,
    ciphertextAndTag: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    checkInputs(nonce, "ciphertext", ciphertextAndTag, aad);
    // Truncated by whoever wrote it, not by a bug of the caller: looks like any other damage.
    if (ciphertextAndTag.length < TAG_BYTES) throw rejected();
    try {
      return new Uint8Array(
        await crypto.subtle.decrypt(parameters(nonce, aad), this.#key, source(ciphertextAndTag)),
      );
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

function parameters(nonce: Uint8Array, aad: Uint8Array): AesGcmParams {
  return {
    name: ALGORITHM,
    iv: source(nonce),
    additionalData: source(aad),
    tagLength: TAG_BYTES * 8,
  };
}

/** Only the type narrows: Web Crypto copies its input and itself refuses shared memory. */
function source(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

function rejected(cause?: unknown): VaultError {
  return new VaultError(
    "ciphertext_rejected",
    "could not decrypt: message authentication failed",
    { cause },
  );
}

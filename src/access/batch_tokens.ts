/**
 * Batch tokens: nothing is stored, the id is the encrypted token itself. They cannot be renewed or
 * revoked and have no children; they end with their time or with their parent.
 */

import { AeadKey } from "../crypto/aead.ts";
import { concatBytes, decodeBase64, encodeBase64Unpadded, encodeUtf8 } from "../crypto/bytes.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { NONCE_BYTES, TAG_BYTES } from "../limits.ts";
import { decodeToken, encodeToken, type Token } from "./token.ts";

export const BATCH_TOKEN_PREFIX = "b.";

const CONTEXT = encodeUtf8("sealwright batch token");

export class BatchTokens {
  readonly #key: Promise<AeadKey>;
  readonly #random: RandomBytes;

  /** `key`: 32 bytes for this use alone. */
  constructor(key: Uint8Array, random: RandomBytes) {
    this.#key = AeadKey.import(key);
    this.#random = random;
  }

  async issue(token: Token): Promise<string> {
    const nonce = this.#random(NONCE_BYTES);
    const sealed = await (await this.#key).encrypt(nonce, encodeToken(token), CONTEXT);
    return BATCH_TOKEN_PREFIX + toUrl(encodeBase64Unpadded(concatBytes(nonce, sealed)));
  }

  /** The token in an id; null when this vault did not make it. */
  async read(id: string): Promise<Token | null> {
    const text = fromUrl(id.slice(BATCH_TOKEN_PREFIX.length));
    const bytes = decodeBase64(text + "=".repeat((4 - text.length % 4) % 4));
    if (bytes === null || bytes.length < NONCE_BYTES + TAG_BYTES) return null;
    try {
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const key = await this.#key;
      return decodeToken(await key.decrypt(nonce, bytes.subarray(NONCE_BYTES), CONTEXT));
    } catch (error) {
      if (error instanceof VaultError && error.code === "ciphertext_rejected") return null;
      throw error;
    }
  }
}

function toUrl(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

function fromUrl(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/");
}

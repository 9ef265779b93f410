/**
 * Batch tokens. Nothing is stored; the id is the encrypted token itself. They cannot be renewed or
 * revoked, and have no children. They end at their expiry, with their parent, or with the
 * credential key they were made under.
 *
 * An id is `b.` and the unpadded base64url of `version(1) ‖ salt(24) ‖ ciphertext ‖ tag(16)`.
 */

import { AeadKey } from "../../crypto/aead.ts";
import { concatBytes, decodeBase64, encodeBase64Unpadded, encodeUtf8 } from "../../crypto/bytes.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { VaultError } from "../../errors.ts";
import { BATCH_TOKEN_CLOCK_SKEW_MS, NONCE_BYTES, TAG_BYTES } from "../../limits.ts";
import { ROOT_POLICY_NAME } from "../policies/policy_names.ts";
import { decodeToken, encodeToken, type Token } from "./token.ts";

export const BATCH_TOKEN_PREFIX = "b.";

const VERSION = 1;
const SALT_BYTES = 24;
const HEAD_BYTES = 1 + SALT_BYTES;
const CONTEXT = encodeUtf8("sealwright batch token");
/** Each salt derives a key that encrypts only one token, so the nonce may be constant. */
const NONCE = new Uint8Array(NONCE_BYTES);

export interface BatchTokenPorts {
  /** Derives 32 bytes for a salt from the current credential key. */
  readonly deriveKey: (salt: Uint8Array) => Uint8Array;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  /** The longest lease that any mount grants. */
  readonly maxLeaseSeconds: () => number;
}

export class BatchTokens {
  readonly #ports: BatchTokenPorts;

  constructor(ports: BatchTokenPorts) {
    this.#ports = ports;
  }

  async issue(token: Token): Promise<string> {
    if (!this.#isIssuable(token)) throw new TypeError("such a batch token must not be issued");
    const salt = this.#ports.random(SALT_BYTES);
    const head = concatBytes(Uint8Array.of(VERSION), salt);
    const key = await AeadKey.import(this.#ports.deriveKey(salt));
    const encrypted = await key.encrypt(NONCE, encodeToken(token), concatBytes(head, CONTEXT));
    return encodeId(concatBytes(head, encrypted));
  }

  /** The token in an id; null unless this vault made it under the current credential key. */
  async read(id: string): Promise<Token | null> {
    const text = fromUrl(id.slice(BATCH_TOKEN_PREFIX.length));
    const bytes = decodeBase64(text + "=".repeat((4 - text.length % 4) % 4));
    if (bytes === null || bytes[0] !== VERSION || bytes.length < HEAD_BYTES + TAG_BYTES) {
      return null;
    }
    // Another spelling of the same bytes would give one token two ids.
    if (encodeId(bytes) !== id) return null;
    const head = bytes.subarray(0, HEAD_BYTES);
    const key = await AeadKey.import(this.#ports.deriveKey(head.subarray(1)));
    try {
      const context = concatBytes(head, CONTEXT);
      const token = decodeToken(await key.decrypt(NONCE, bytes.subarray(HEAD_BYTES), context));
      return this.#isIssuable(token) ? token : null;
    } catch (error) {
      if (error instanceof VaultError) return null;
      throw error;
    }
  }

  /** Whether some endpoint could issue the token. A stolen key must not allow more than that. */
  #isIssuable(token: Token): boolean {
    const { expiresAtMs, createdAtMs } = token;
    const { maxLeaseSeconds, nowMs } = this.#ports;
    // Lifetimes are in whole milliseconds, limits in seconds.
    const maxMs = (maxLeaseSeconds() + 1) * 1000;
    return token.type === "batch" && token.accessor === "" && token.uses === 0 &&
      token.periodSeconds === 0 && !token.renewable &&
      !token.policies.includes(ROOT_POLICY_NAME) &&
      expiresAtMs !== null && expiresAtMs - createdAtMs <= maxMs &&
      expiresAtMs - nowMs() <= maxMs + BATCH_TOKEN_CLOCK_SKEW_MS;
  }
}

function encodeId(bytes: Uint8Array): string {
  const base64 = encodeBase64Unpadded(bytes);
  return BATCH_TOKEN_PREFIX + base64.replaceAll("+", "-").replaceAll("/", "_");
}

function fromUrl(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/");
}

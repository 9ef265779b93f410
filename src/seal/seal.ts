/**
 * A seal wraps values under its current key and unwraps values wrapped by any of its keys. Shamir
 * and static seals differ only in where the keys come from, so one class serves both. It stores
 * nothing and knows no barrier.
 *
 * Nonces are random and 96 bits long. A seal key may wrap more than the 2^32 values after which
 * NIST SP 800-38D wants a new key. But apart from a few key records it wraps barrier ciphertext,
 * whose term has its own bound, so a repeated nonce here would disclose no plaintext of an entry.
 */

import { AeadKey } from "../crypto/aead.ts";
import { concatBytes, encodeUtf8 } from "../crypto/bytes.ts";
import type { WrappingKeyBytes } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { NONCE_BYTES } from "../limits.ts";
import type { SealKind } from "./seal_kind.ts";
import { parseWrappedValue, wrappedHeader } from "./wrapped_value.ts";

export interface SealKey {
  readonly id: string;
  readonly bytes: WrappingKeyBytes;
}

export class Seal {
  readonly type: SealKind;
  readonly #current: SealKey;
  readonly #previous: readonly SealKey[];
  readonly #random: RandomBytes;
  readonly #header: Uint8Array<ArrayBuffer>;
  readonly #imported = new Map<string, Promise<AeadKey>>();

  /** The `previous` keys only unwrap. */
  constructor(
    type: SealKind,
    current: SealKey,
    previous: readonly SealKey[],
    random: RandomBytes,
  ) {
    this.type = type;
    this.#current = current;
    this.#previous = previous;
    this.#random = random;
    this.#header = wrappedHeader(current.id);
  }

  /** Id of the key that wraps. */
  get keyId(): string {
    return this.#current.id;
  }

  get current(): SealKey {
    return this.#current;
  }

  get previous(): readonly SealKey[] {
    return this.#previous;
  }

  /** The same seal with exactly these previous keys. */
  withPrevious(previous: readonly SealKey[]): Seal {
    return new Seal(this.type, this.#current, previous, this.#random);
  }

  async wrap(path: string, value: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const nonce = this.#random(NONCE_BYTES);
    const key = await this.#key(this.#current);
    const aad = concatBytes(this.#header, encodeUtf8(path));
    return concatBytes(this.#header, nonce, await key.encrypt(nonce, value, aad));
  }

  /** Throws `unknown_key`, `ciphertext_rejected` or `record_malformed`. */
  async unwrap(path: string, wrapped: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    const value = parseWrappedValue(wrapped);
    const key = await this.#key(this.#find(value.keyId));
    return await key.decrypt(
      value.nonce,
      value.ciphertext,
      concatBytes(value.header, encodeUtf8(path)),
    );
  }

  #find(keyId: string): SealKey {
    if (keyId === this.#current.id) return this.#current;
    const found = this.#previous.find((key) => key.id === keyId);
    if (found === undefined) {
      throw new VaultError("unknown_key", `unknown key id for data: \`${keyId}\``);
    }
    return found;
  }

  #key(key: SealKey): Promise<AeadKey> {
    const cached = this.#imported.get(key.id);
    if (cached !== undefined) return cached;
    const imported = AeadKey.import(key.bytes);
    this.#imported.set(key.id, imported);
    return imported;
  }
}

/**
 * Passwords are kept as scrypt hashes, each with the cost it was made at, so that the cost may grow.
 * One is computed at a time: more at once would be no faster, and memory stays that of one. A check
 * takes as long for a user who does not exist.
 */

import { decodeBase64, encodeBase64, encodeUtf8, equalBytes } from "../../crypto/bytes.ts";
import { deriveScrypt, type ScryptCost } from "../../crypto/password_kdf.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { PASSWORD_MAX_BYTES } from "../../limits.ts";

export interface PasswordHash extends ScryptCost {
  readonly kdf: "scrypt";
  /** Base64. */
  readonly salt: string;
  readonly hash: string;
}

/** 16 MiB and some 50 to 100 ms. */
const COST: ScryptCost = { logN: 14, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const NOBODY = new Uint8Array(SALT_BYTES);

export class Passwords {
  readonly #random: RandomBytes;
  readonly #cost: ScryptCost;
  #last: Promise<unknown> = Promise.resolve();

  /** `cost`: for new hashes and for the users who do not exist. */
  constructor(random: RandomBytes, cost: ScryptCost = COST) {
    this.#random = random;
    this.#cost = cost;
  }

  /** Throws `invalid_request` for a password longer than `PASSWORD_MAX_BYTES`. */
  async hash(password: string): Promise<PasswordHash> {
    const bytes = encodeUtf8(password);
    if (bytes.length > PASSWORD_MAX_BYTES) {
      throw invalidRequest(`password is longer than ${PASSWORD_MAX_BYTES} bytes`);
    }
    const salt = this.#random(SALT_BYTES);
    const hash = await this.#derive(bytes, salt, this.#cost);
    return { kdf: "scrypt", ...this.#cost, salt: encodeBase64(salt), hash: encodeBase64(hash) };
  }

  /** Whether the password has this hash; never for null, after the same work. */
  async matches(password: string, expected: PasswordHash | null): Promise<boolean> {
    const bytes = encodeUtf8(password);
    if (bytes.length > PASSWORD_MAX_BYTES) return false;
    if (expected === null) {
      await this.#derive(bytes, NOBODY, this.#cost);
      return false;
    }
    const salt = decodeBase64(expected.salt);
    const hash = decodeBase64(expected.hash);
    if (salt === null || hash === null) {
      throw new VaultError("record_malformed", "a password hash is no base64");
    }
    return equalBytes(await this.#derive(bytes, salt, expected), hash);
  }

  #derive(password: Uint8Array, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
    const derive = () => deriveScrypt(password, salt, cost, HASH_BYTES);
    const derived = this.#last.then(derive, derive);
    this.#last = derived;
    return derived;
  }
}

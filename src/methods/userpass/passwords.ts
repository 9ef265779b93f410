/**
 * Passwords are stored as scrypt hashes. Each keeps its cost, so that the cost may grow. Hashes run
 * in the order of `hash_queue.ts`. A check takes equally long for unknown users.
 */

import { decodeBase64, encodeBase64, encodeUtf8, equalBytes } from "../../crypto/bytes.ts";
import { deriveScrypt, type ScryptCost } from "../../crypto/password_kdf.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { PASSWORD_MAX_BYTES } from "../../limits.ts";
import { HashQueue, NO_CLIENT } from "./hash_queue.ts";
import type { Client } from "../method.ts";

export interface PasswordHash extends ScryptCost {
  readonly kdf: "scrypt";
  /** Base64. */
  readonly salt: string;
  readonly hash: string;
}

/** 16 MiB, and about 50 to 100 ms. */
const COST: ScryptCost = { logN: 14, r: 8, p: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const NO_SALT = new Uint8Array(SALT_BYTES);

export class Passwords {
  readonly #random: RandomBytes;
  readonly #cost: ScryptCost;
  readonly #queue: HashQueue;

  /**
   * `cost`: for new hashes and for unknown users. `refuseWork` throws once no more hashing is
   * allowed.
   */
  constructor(random: RandomBytes, cost: ScryptCost = COST, refuseWork: () => void = () => {}) {
    this.#random = random;
    this.#cost = cost;
    this.#queue = new HashQueue(refuseWork);
  }

  /**
   * Throws `invalid_request` for a password longer than `PASSWORD_MAX_BYTES`, and `rate_limited` if
   * too many wait.
   */
  async hash(password: string, client: Client = NO_CLIENT): Promise<PasswordHash> {
    const bytes = encodeUtf8(password);
    if (bytes.length > PASSWORD_MAX_BYTES) {
      throw invalidRequest(`password is longer than ${PASSWORD_MAX_BYTES} bytes`);
    }
    const salt = this.#random(SALT_BYTES);
    const hash = await this.#derive(bytes, salt, this.#cost, client);
    return { kdf: "scrypt", ...this.#cost, salt: encodeBase64(salt), hash: encodeBase64(hash) };
  }

  /**
   * Whether the password has this hash. False for null, after the same work. Throws `rate_limited`
   * if too many wait.
   */
  async matches(
    password: string,
    expected: PasswordHash | null,
    client: Client = NO_CLIENT,
  ): Promise<boolean> {
    const bytes = encodeUtf8(password);
    if (bytes.length > PASSWORD_MAX_BYTES) return false;
    if (expected === null) {
      await this.#derive(bytes, NO_SALT, this.#cost, client);
      return false;
    }
    const salt = decodeBase64(expected.salt);
    const hash = decodeBase64(expected.hash);
    if (salt === null || hash === null) {
      throw new VaultError("record_malformed", "a password hash is no base64");
    }
    return equalBytes(await this.#derive(bytes, salt, expected, client), hash);
  }

  #derive(
    password: Uint8Array,
    salt: Uint8Array,
    cost: ScryptCost,
    client: Client,
  ): Promise<Uint8Array> {
    return this.#queue.run(() => deriveScrypt(password, salt, cost, HASH_BYTES), client);
  }
}

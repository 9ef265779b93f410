/**
 * The shares in force: which ones they are, how many a ceremony needs, and whether those that were
 * given make the key. Unseal shares under a Shamir seal, recovery shares under any other.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { equalBytes } from "../crypto/bytes.ts";
import { unsealKey } from "../crypto/keys.ts";
import { invalidRequest } from "../errors.ts";
import { authorisingShares } from "../seal/seal_config.ts";
import { shamirSealKey } from "../seal/shamir_seal.ts";
import { shareChecksPath } from "../storage/record_paths.ts";
import type { Store } from "../storage/store.ts";
import { decodeShareChecks } from "./ceremony_record.ts";
import { type KeyState, readRecoveryKey } from "./key_records.ts";
import { isKnownShare, joinShares } from "./shares.ts";
import type { ShareChecks } from "./state.ts";

export interface AuthorityPorts {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly keys: () => KeyState;
}

export class ShareAuthority {
  readonly #ports: AuthorityPorts;

  constructor(ports: AuthorityPorts) {
    this.#ports = ports;
  }

  /** Shares that authorise a ceremony. */
  get required(): number {
    return authorisingShares(this.#ports.keys().config).threshold;
  }

  /** Key of the check values under a salt. */
  readonly checkKey = (salt: Uint8Array): Uint8Array =>
    this.#ports.barrier.deriveMacKey("share check", salt);

  /** Whether a share is one of those in force. */
  async isInForce(share: Uint8Array): Promise<boolean> {
    return isKnownShare(share, await this.#checksInForce(), this.checkKey);
  }

  async #checksInForce(): Promise<ShareChecks | null> {
    const kind = this.#ports.keys().seal.type === "shamir" ? "barrier" : "recovery";
    const record = await this.#ports.barrier.get(shareChecksPath(kind));
    return record === null ? null : decodeShareChecks(record.value);
  }

  /** The shares are all known; that they also make the key is what counts. Throws `invalid_request`. */
  async authorise(shares: readonly Uint8Array<ArrayBuffer>[], required: number): Promise<void> {
    const { store, keys } = this.#ports;
    const joined = joinShares(shares, required);
    const { seal } = keys();
    if (seal.type === "shamir") {
      const key = shamirSealKey(unsealKey(joined));
      if (equalBytes(key.bytes, seal.current.bytes)) return;
      throw invalidRequest("failed to read root key: invalid key: the shares do not make the key");
    }
    const expected = await readRecoveryKey(store, seal);
    if (expected !== null && equalBytes(expected, joined)) return;
    throw invalidRequest(
      "recovery key verification failed: recovery key does not match submitted values",
    );
  }
}

/**
 * The shares in force, and how many of them a ceremony needs: unseal shares under a Shamir seal,
 * recovery shares under any other. A quorum of distinct shares authorises. Each is checked when it
 * is given, and the key they make is already in memory or behind the seal, so attempts keep no
 * share.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { shareChecksPath } from "../storage/record_paths.ts";
import { decodeShareChecks } from "./ceremony_record.ts";
import type { KeyState } from "./key_records.ts";
import { placeOfShare } from "./shares.ts";
import { authorisingTarget, type ShareChecks } from "./state.ts";
import type { Share } from "../crypto/keys.ts";

export interface AuthorityPorts {
  readonly barrier: Barrier;
  readonly keys: () => KeyState;
}

export class ShareAuthority {
  readonly #ports: AuthorityPorts;

  constructor(ports: AuthorityPorts) {
    this.#ports = ports;
  }

  /** Number of shares that authorise a ceremony. */
  get required(): number {
    return this.#ports.keys().config.counts.threshold;
  }

  /** The key of the check values for a salt. */
  readonly checkKey = (salt: Uint8Array): Uint8Array =>
    this.#ports.barrier.deriveMacKey("share check", salt);

  /** Place of a share among those in force, in share order; null if it is not one of them. */
  async placeOf(share: Share): Promise<number | null> {
    return placeOfShare(share, await this.#checksInForce(), this.checkKey);
  }

  async #checksInForce(): Promise<ShareChecks | null> {
    const target = authorisingTarget(this.#ports.keys().seal.type);
    const record = await this.#ports.barrier.get(shareChecksPath(target));
    return record === null ? null : decodeShareChecks(record.value);
  }
}

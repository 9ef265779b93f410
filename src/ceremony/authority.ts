/**
 * The shares in force: which ones they are, and how many a ceremony needs. Unseal shares under a
 * Shamir seal, recovery shares under any other. A quorum of different shares in force authorises: each
 * was checked when it was given, and the key they make is in memory or behind the seal already. So
 * no attempt has to keep a share.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { authorisingShares } from "../seal/seal_config.ts";
import { shareChecksPath } from "../storage/record_paths.ts";
import { decodeShareChecks } from "./ceremony_record.ts";
import type { KeyState } from "./key_records.ts";
import { placeOfShare } from "./shares.ts";
import type { ShareChecks } from "./state.ts";
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

  /** Shares that authorise a ceremony. */
  get required(): number {
    return authorisingShares(this.#ports.keys().config).threshold;
  }

  /** Key of the check values under a salt. */
  readonly checkKey = (salt: Uint8Array): Uint8Array =>
    this.#ports.barrier.deriveMacKey("share check", salt);

  /** Place of a share among those in force, in share order; null when it is none of them. */
  async placeOf(share: Share): Promise<number | null> {
    return placeOfShare(share, await this.#checksInForce(), this.checkKey);
  }

  async #checksInForce(): Promise<ShareChecks | null> {
    const kind = this.#ports.keys().seal.type === "shamir" ? "barrier" : "recovery";
    const record = await this.#ports.barrier.get(shareChecksPath(kind));
    return record === null ? null : decodeShareChecks(record.value);
  }
}

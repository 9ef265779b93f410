/**
 * PGP-encrypted shares that stay retrievable after the response that carried them: as the backup
 * that was asked for, and for each holder by fingerprint until he confirms that he has them.
 */

import type { Barrier, Entry } from "../barrier/barrier.ts";
import { backupPath, deliveryPath } from "../storage/record_paths.ts";
import {
  decodeShareBackup,
  encodeShareBackup,
  type ShareBackup,
  sharesByFingerprint,
} from "./recipients.ts";
import type { CeremonyHead, CeremonyState, CeremonyTarget, PendingKey } from "./state.ts";

export class ShareDelivery {
  readonly #target: CeremonyTarget;
  readonly #barrier: Barrier;

  constructor(target: CeremonyTarget, barrier: Barrier) {
    this.#target = target;
    this.#barrier = barrier;
  }

  /**
   * The backup to show: that of a pending verification, else the one in force; null for none. With
   * a fingerprint, the shares of that holder, also when no backup was asked for: the pending ones,
   * else those in force.
   */
  async read(state: CeremonyState, fingerprint: string | null): Promise<ShareBackup | null> {
    const pending = state.phase === "verifying" ? copies(state.head, state.pending) : null;
    if (fingerprint === null) {
      const isShown = state.phase === "verifying" && state.pending.backup;
      return (isShown ? pending : null) ?? await this.#stored(backupPath);
    }
    return ofHolder(pending, fingerprint) ??
      ofHolder(await this.#stored(deliveryPath), fingerprint);
  }

  /** Entries that put the new shares' copies in force, in the commit that installs the key. */
  async promotion(head: CeremonyHead, pending: PendingKey): Promise<readonly Entry[]> {
    const current = copies(head, pending);
    const delivery = { path: deliveryPath(this.#target), value: encoded(current) };
    if (current !== null && pending.backup) {
      return [delivery, { path: backupPath(this.#target), value: encoded(current) }];
    }
    const old = await this.#stored(backupPath);
    if (old === null) return [delivery];
    return [delivery, { path: backupPath(this.#target), value: encoded({ ...old, stale: true }) }];
  }

  /** Entries that remove everything, or one holder's copy once he has confirmed it. */
  async removal(fingerprint: string | null): Promise<readonly Entry[]> {
    if (fingerprint === null) {
      return [backupPath(this.#target), deliveryPath(this.#target)].map((path) => ({
        path,
        value: null,
      }));
    }
    const stored = await this.#stored(deliveryPath);
    if (stored === null) return [];
    const { [fingerprint.toLowerCase()]: _confirmed, ...shares } = stored.shares;
    const left = Object.keys(shares).length === 0 ? null : { ...stored, shares };
    return [{ path: deliveryPath(this.#target), value: encoded(left) }];
  }

  async #stored(path: (target: string) => string): Promise<ShareBackup | null> {
    const record = await this.#barrier.get(path(this.#target));
    return record === null ? null : decodeShareBackup(record.value);
  }
}

function encoded(backup: ShareBackup | null): Uint8Array | null {
  return backup === null ? null : encodeShareBackup(backup);
}

function copies(head: CeremonyHead, pending: PendingKey): ShareBackup | null {
  const { recipients } = head.parameters;
  if (recipients === null || pending.encryptedShares === null) return null;
  const shares = sharesByFingerprint(recipients, pending.encryptedShares);
  return { ceremonyId: head.ceremonyId, shares, stale: false };
}

function ofHolder(backup: ShareBackup | null, fingerprint: string): ShareBackup | null {
  if (backup === null) return null;
  const holder = fingerprint.toLowerCase();
  // A caller chooses the name, and every object answers to "constructor".
  const shares = Object.hasOwn(backup.shares, holder) ? backup.shares[holder] : undefined;
  return shares === undefined ? null : { ...backup, shares: { [fingerprint]: shares } };
}

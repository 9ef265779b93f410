/**
 * PGP-encrypted shares that stay retrievable after the response that carried them: as the backup
 * that was asked for, and for each holder by fingerprint until he confirms that he has them. What is
 * in force lies outside the barrier, as in Vault: a vault whose answer was lost is sealed, and
 * whoever can read its storage must still be able to give the holders their messages.
 */

import { backupPath, deliveryPath } from "../storage/record_paths.ts";
import type { Store, Write } from "../storage/store.ts";
import {
  decodeShareBackup,
  encodeShareBackup,
  type ShareBackup,
  sharesByFingerprint,
} from "./recipients.ts";
import type { CeremonyHead, CeremonyState, CeremonyTarget, PendingKey } from "./state.ts";

export class ShareDelivery {
  readonly #target: CeremonyTarget;
  readonly #store: Store;

  constructor(target: CeremonyTarget, store: Store) {
    this.#target = target;
    this.#store = store;
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

  /** Records that put the new shares' copies in force, in the commit that installs the key. */
  async promotion(head: CeremonyHead, pending: PendingKey): Promise<readonly Write[]> {
    const current = copies(head, pending);
    const delivery = record(deliveryPath(this.#target), current);
    if (current !== null && pending.backup) {
      return [delivery, record(backupPath(this.#target), current)];
    }
    const old = await this.#stored(backupPath);
    if (old === null) return [delivery];
    return [delivery, record(backupPath(this.#target), { ...old, stale: true })];
  }

  /** Records that remove everything, or one holder's copy once he has confirmed it. */
  async removal(fingerprint: string | null): Promise<readonly Write[]> {
    const delivery = deliveryPath(this.#target);
    if (fingerprint === null) {
      return [record(backupPath(this.#target), null), record(delivery, null)];
    }
    const stored = await this.#stored(deliveryPath);
    if (stored === null) return [];
    const { [fingerprint.toLowerCase()]: _confirmed, ...shares } = stored.shares;
    const isEmpty = Object.keys(shares).length === 0;
    return [record(delivery, isEmpty ? null : { ...stored, shares })];
  }

  async #stored(path: (target: string) => string): Promise<ShareBackup | null> {
    const stored = await this.#store.get(path(this.#target));
    return stored === null ? null : decodeShareBackup(stored.bytes);
  }
}

function record(path: string, backup: ShareBackup | null): Write {
  return { path, bytes: backup === null ? null : encodeShareBackup(backup), sealKeyId: null };
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

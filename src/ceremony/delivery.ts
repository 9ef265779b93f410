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

/** What is left of an attempt, and the records that are to be written with it. */
export interface Removal {
  readonly state: CeremonyState;
  readonly writes: readonly Write[];
}

type Verifying = Extract<CeremonyState, { phase: "verifying" }>;

export class ShareDelivery {
  readonly #target: CeremonyTarget;
  readonly #store: Store;

  constructor(target: CeremonyTarget, store: Store) {
    this.#target = target;
    this.#store = store;
  }

  /**
   * The backup to show: that of a pending verification, else the one in force; null for none. With
   * a fingerprint, the shares of that holder, also when no backup was asked for: those in force, or
   * the pending ones of somebody who gets new ones; null once they were confirmed.
   */
  async read(state: CeremonyState, fingerprint: string | null): Promise<ShareBackup | null> {
    const pending = state.phase === "verifying" ? copies(state.head, state.pending) : null;
    if (fingerprint === null) {
      const isShown = state.phase === "verifying" && state.pending.backup;
      return (isShown ? pending : null) ?? await this.#stored(backupPath);
    }
    if (state.phase === "verifying" && isOf(pending, fingerprint)) {
      const isConfirmed = state.pending.confirmed.includes(fingerprint.toLowerCase());
      return isConfirmed ? null : ofHolder(pending, fingerprint);
    }
    return ofHolder(await this.#stored(deliveryPath), fingerprint);
  }

  /** Records that put the new shares' copies in force, in the commit that installs the key. */
  async promotion(head: CeremonyHead, pending: PendingKey): Promise<readonly Write[]> {
    const current = copies(head, pending);
    const delivery = this.#delivery(current, pending.confirmed);
    if (current !== null && pending.backup) {
      return [delivery, record(backupPath(this.#target), current)];
    }
    const old = await this.#stored(backupPath);
    if (old === null) return [delivery];
    return [delivery, record(backupPath(this.#target), { ...old, stale: true })];
  }

  /**
   * What removes the backup, both the pending one and the one in force, but no holder's copy; with a
   * fingerprint, the copy that `read` shows to this holder, who has confirmed it, and nothing else.
   */
  async removal(state: CeremonyState, fingerprint: string | null): Promise<Removal> {
    if (fingerprint === null) {
      const kept = state.phase === "verifying" ? withPending(state, { backup: false }) : state;
      return { state: kept, writes: [record(backupPath(this.#target), null)] };
    }
    const holder = fingerprint.toLowerCase();
    if (state.phase === "verifying" && isOf(copies(state.head, state.pending), holder)) {
      // A cancel leaves the older share in force, and its copy was not what was confirmed.
      const confirmed = new Set([...state.pending.confirmed, holder]);
      return { state: withPending(state, { confirmed: [...confirmed] }), writes: [] };
    }
    const stored = await this.#stored(deliveryPath);
    return { state, writes: stored === null ? [] : [this.#delivery(stored, [holder])] };
  }

  /** The record of what holders have not confirmed yet. */
  #delivery(all: ShareBackup | null, confirmed: readonly string[]): Write {
    const left = Object.entries(all?.shares ?? {}).filter(([holder]) =>
      !confirmed.includes(holder)
    );
    const isEmpty = all === null || left.length === 0;
    const kept = isEmpty ? null : { ...all, shares: Object.fromEntries(left) };
    return record(deliveryPath(this.#target), kept);
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

function withPending(state: Verifying, changes: Partial<PendingKey>): Verifying {
  return { ...state, pending: { ...state.pending, ...changes } };
}

function isOf(backup: ShareBackup | null, fingerprint: string): boolean {
  // A caller chooses the name, and every object answers to "constructor".
  return backup !== null && Object.hasOwn(backup.shares, fingerprint.toLowerCase());
}

function ofHolder(backup: ShareBackup | null, fingerprint: string): ShareBackup | null {
  if (backup === null || !isOf(backup, fingerprint)) return null;
  return { ...backup, shares: { [fingerprint]: backup.shares[fingerprint.toLowerCase()] ?? [] } };
}

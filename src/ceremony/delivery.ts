/**
 * Keeps PGP-encrypted shares retrievable after the response that carried them: as the requested
 * backup, and for each holder by fingerprint until they confirm receipt. Messages in force lie
 * outside the barrier, as in Vault: if the response was lost, the vault may be sealed, and anyone
 * who can read its storage must still be able to give the holders their messages.
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

/** The state after a removal, and the records to write with it. */
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
   * The backup of a pending verification, else the one in force; null if there is none. With a
   * fingerprint, that holder's shares, even if no backup was requested: the pending ones if they
   * get new ones, else those in force; null once they are confirmed.
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

  /** Writes that put the new shares' copies in force, for the commit that installs the key. */
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
   * Removes the backup, both pending and in force, but no holder's copy. With a fingerprint, the
   * holder confirms the copy that `read` shows them, and only that copy is removed.
   */
  async removal(state: CeremonyState, fingerprint: string | null): Promise<Removal> {
    if (fingerprint === null) {
      const kept = state.phase === "verifying" ? withPending(state, { backup: false }) : state;
      return { state: kept, writes: [record(backupPath(this.#target), null)] };
    }
    const holder = fingerprint.toLowerCase();
    if (state.phase === "verifying" && isOf(copies(state.head, state.pending), holder)) {
      // A cancel leaves the older share in force, and its copy has not been confirmed.
      const confirmed = new Set([...state.pending.confirmed, holder]);
      return { state: withPending(state, { confirmed: [...confirmed] }), writes: [] };
    }
    const stored = await this.#stored(deliveryPath);
    return { state, writes: stored === null ? [] : [this.#delivery(stored, [holder])] };
  }

  /** The record of the copies that holders have not confirmed yet. */
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
  // The caller chooses the name, and every object has a "constructor".
  return backup !== null && Object.hasOwn(backup.shares, fingerprint.toLowerCase());
}

function ofHolder(backup: ShareBackup | null, fingerprint: string): ShareBackup | null {
  if (backup === null || !isOf(backup, fingerprint)) return null;
  return { ...backup, shares: { [fingerprint]: backup.shares[fingerprint.toLowerCase()] ?? [] } };
}

/**
 * The storage port. Records are opaque bytes at a path; whoever writes decides what they mean.
 * There is one way to write: `commit`, all or nothing. Implementations never look into a record
 * and never log one.
 */

/** Grows with every commit of a store; a record's revision is that of the commit that wrote it. */
export type Revision = number;

/** The revision that `Expectation` uses for "no such record". */
export const ABSENT: Revision = 0;

export interface StoredRecord {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly revision: Revision;
  /** Id of the seal key that wraps `bytes`; null when they are not seal-wrapped. */
  readonly sealKeyId: string | null;
}

export interface Write {
  readonly path: string;
  /** The new record, at most `RECORD_MAX_BYTES`; null removes it (also when there is none). */
  readonly bytes: Uint8Array | null;
  /** Kept in the index of wrapped records, in the same transaction. Null: not wrapped. */
  readonly sealKeyId: string | null;
}

/** A precondition on a record that may, but need not, be written by the same commit. */
export interface Expectation {
  readonly path: string;
  readonly revision: Revision;
}

export interface Commit {
  readonly expect?: readonly Expectation[];
  readonly writes: readonly Write[];
}

/** `conflict` names the first record that was not at its expected revision; nothing was written. */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly revision: Revision }
  | { readonly kind: "conflict"; readonly path: string };

/** A page of wrapped records in the store's own order; `cursor` continues after the last one. */
export interface WrappedPage {
  readonly records: readonly StoredRecord[];
  readonly cursor: number;
}

/** `deferred`: what is left is removed when the store is opened the next time. */
export type ScrubOutcome = "done" | "deferred";

export interface Store {
  /** Vault's `storage_type` of seal-status, e.g. `inmem`, `sqlite`, `durable-object`. */
  readonly storageType: string;

  get(path: string): Promise<StoredRecord | null>;

  /** Paths that begin with `prefix` and sort after `after` (exclusive), in UTF-8 byte order. */
  list(prefix: string, after: string, limit: number): Promise<readonly string[]>;

  /**
   * Records wrapped by `sealKeyId`, after `cursor` (0 = from the start): at most `limit` of them and,
   * beyond the first, `maxBytes` of values. Costs only what it returns.
   */
  wrappedBy(
    sealKeyId: string,
    cursor: number,
    limit: number,
    maxBytes: number,
  ): Promise<WrappedPage>;

  /** How many records each seal key wraps. Keys that wrap nothing are absent. */
  sealKeyCounts(): Promise<ReadonlyMap<string, number>>;

  /**
   * Applies all writes durably, or none, and commits in the order they are given. When the promise is
   * fulfilled with `committed`, a power loss does not undo it. Rejects with
   * `VaultError("store_failed")` when nothing was written.
   */
  commit(commit: Commit): Promise<CommitOutcome>;

  /**
   * Removes what overwritten records may have left in free pages and logs, as far as it can. Rejects
   * with `VaultError("store_failed")` when it could not; the records are as they were.
   */
  scrub(): Promise<ScrubOutcome>;

  /**
   * The same for key records (`key_records.ts`) alone: few and small, so that it holds up nobody. What
   * a stop leaves undone is done when the store is opened the next time.
   */
  scrubKeyRecords(): Promise<void>;

  /** Bytes the store occupies, where it can tell. */
  sizeBytes(): Promise<number | null>;

  close(): Promise<void>;
}

/**
 * The storage port. Records are opaque bytes at a path; their meaning is the writer's. The only way
 * to write is `commit`, all or nothing. Implementations never look into a record and never log one.
 */

declare const revision: unique symbol;

/**
 * The state of a record at a path: a record that was written since has another one. Only equality
 * means something. A store makes them by `asRevision`.
 */
export type Revision = string & { readonly [revision]: true };

/** `text` must never be used again for another state of the same path, and never be "". */
export function asRevision(text: string): Revision {
  return text as Revision;
}

/** The revision that `Expectation` uses for "no such record". */
export const ABSENT: Revision = asRevision("");

export interface StoredRecord {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly revision: Revision;
  /** Id of the seal key that wraps `bytes`; null if they are not seal-wrapped. */
  readonly sealKeyId: string | null;
}

export interface Write {
  readonly path: string;
  /** The new record, at most `recordMaxBytes` long. Null removes it, if it exists. */
  readonly bytes: Uint8Array | null;
  /** Indexed in the same transaction. Null if not wrapped. */
  readonly sealKeyId: string | null;
}

/** A precondition on a record, which the same commit need not write. */
export interface Expectation {
  readonly path: string;
  readonly revision: Revision;
}

export interface Commit {
  readonly expect?: readonly Expectation[];
  readonly writes: readonly Write[];
}

/** `conflict` names the first record not at its expected revision; then nothing was written. */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly revision: Revision }
  | { readonly kind: "conflict"; readonly path: string };

/** What a store takes in one commit. Batches are cut to fit. */
export interface StoreLimits {
  /** Of a path, and of a seal key id. At most `PATH_MAX_BYTES`. */
  readonly pathMaxBytes: number;
  readonly recordMaxBytes: number;
  readonly commitMaxWrites: number;
  readonly commitMaxExpectations: number;
  /** Of the records written together: the largest record, and 256 KiB for those beside it. */
  readonly commitMaxBytes: number;
}

/** A page of wrapped records in the store's own order. `cursor` continues after the last one. */
export interface WrappedPage {
  readonly records: readonly StoredRecord[];
  readonly cursor: string | null;
}

/**
 * `deferred`: the rest is removed when the store is next opened. `impossible`: the database gives no
 * way to remove old bytes, now or later.
 */
export type ScrubOutcome = "done" | "deferred" | "impossible";

export interface Store {
  /** Vault's `storage_type` in seal-status, e.g. `inmem`, `sqlite`, `deno-kv`. */
  readonly storageType: string;
  readonly limits: StoreLimits;

  get(path: string): Promise<StoredRecord | null>;

  /** Paths that begin with `prefix` and sort after `after` (exclusive), in UTF-8 byte order. */
  list(prefix: string, after: string, limit: number): Promise<readonly string[]>;

  /**
   * Whole records that sort after `after` (exclusive) in UTF-8 byte order of their paths: at most
   * `limit`, and at most `maxBytes` of values unless the first alone is larger.
   */
  scan(after: string, limit: number, maxBytes: number): Promise<readonly StoredRecord[]>;

  /**
   * Records wrapped by `sealKeyId`, after `cursor` (null = from the start): at most `limit` records,
   * and at most `maxBytes` of values unless the first alone is larger. Costs only what it returns.
   */
  wrappedBy(
    sealKeyId: string,
    cursor: string | null,
    limit: number,
    maxBytes: number,
  ): Promise<WrappedPage>;

  /**
   * How many records each seal key wraps. Keys that wrap nothing are absent. The cost depends on the
   * number of keys only.
   */
  sealKeyCounts(): Promise<ReadonlyMap<string, number>>;

  /**
   * Applies all writes durably, or none. Commits are applied in the order of the calls. Once the
   * promise is fulfilled with `committed`, a power loss does not undo it. Rejects with
   * `VaultError("store_failed")`, and for a commit above `limits` with `checkCommit`'s error; then
   * nothing was written.
   */
  commit(commit: Commit): Promise<CommitOutcome>;

  /**
   * Removes what overwritten records may have left in free pages and logs, as far as possible.
   * Rejects with `VaultError("store_failed")` if it could not; the records are unaffected.
   */
  scrub(): Promise<ScrubOutcome>;

  /**
   * The same for key records (`key_records.ts`) only: they are few and small, so this delays
   * nobody. If a stop interrupts it, the next opening of the store repeats it. Does nothing where
   * `scrub` is impossible.
   */
  scrubKeyRecords(): Promise<void>;

  /** Bytes the store occupies; null if unknown. */
  sizeBytes(): Promise<number | null>;

  close(): Promise<void>;
}

/** The part of `Deno.Kv` that the store uses. The runtime opens one; the core names no runtime. */

/** Keys that one `getMany` takes. */
export const SNAPSHOT_KEYS = 10;

export type KvKey = readonly (Uint8Array | string | number)[];

export interface KvEntry {
  readonly key: KvKey;
  /** Null if there is none. */
  readonly value: unknown;
  /** Of the commit that wrote the value. Null if there is none. */
  readonly versionstamp: string | null;
}

export interface KvAtomic {
  check(check: { readonly key: KvKey; readonly versionstamp: string | null }): KvAtomic;
  set(key: KvKey, value: unknown): KvAtomic;
  delete(key: KvKey): KvAtomic;
  /** Not `ok` if a check failed; then nothing was written. If it rejects, nobody knows. */
  commit(): Promise<
    { readonly ok: true; readonly versionstamp: string } | { readonly ok: false }
  >;
}

/** Reads are strongly consistent, which is the default of `Deno.Kv`. */
export interface Kv {
  /** One snapshot of at most `SNAPSHOT_KEYS` keys. */
  getMany(keys: readonly KvKey[]): Promise<readonly KvEntry[]>;
  /** Keys from `start` (inclusive) to `end` (exclusive). Each batch is a snapshot. */
  list(
    range: { readonly start: KvKey; readonly end: KvKey },
    options: { readonly limit: number; readonly batchSize: number },
  ): AsyncIterable<KvEntry>;
  atomic(): KvAtomic;
  close(): void;
}

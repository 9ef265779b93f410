/**
 * One slice of a rewrap: reads a bounded page of stale entries, unwraps and wraps them. It commits
 * nothing. The caller writes values, cursor and counters together, and guards each value by the
 * revision it was read at, so that a newer write wins.
 */

import type { OuterLayer } from "../barrier/barrier.ts";
import { VaultError } from "../errors.ts";
import {
  REWRAP_BATCH_ENTRIES,
  REWRAP_BATCH_MAX_BYTES,
  REWRAP_JOB_MAX_BYTES,
  REWRAP_LANES,
  SEAL_KEY_ID_MAX_BYTES,
} from "../limits.ts";
import type { Expectation, Store, StoredRecord, StoreLimits, Write } from "../storage/store.ts";
import type { RewrapFailure } from "./job.ts";

export interface Slice {
  readonly staleKeyId: string;
  /** After the last entry of the slice. */
  readonly cursor: string | null;
  /** Whether no entry of this key is left after the cursor. */
  readonly exhausted: boolean;
  readonly writes: readonly Write[];
  readonly expect: readonly Expectation[];
  readonly failures: readonly RewrapFailure[];
}

/**
 * Rewraps the next entries of `staleKeyId` after `cursor`. An entry that does not open is listed as
 * a failure and keeps its bytes. Any other error ends the slice.
 */
export async function rewrapSlice(
  store: Store,
  outer: OuterLayer,
  staleKeyId: string,
  cursor: string | null,
  nowMs: number,
): Promise<Slice> {
  const { entries, maxBytes } = pageSize(store.limits);
  const page = await store.wrappedBy(staleKeyId, cursor, entries, maxBytes);
  const outcomes = await mapInLanes(
    page.records,
    REWRAP_LANES,
    (record) => rewrapRecord(outer, record, nowMs),
  );
  const writes: Write[] = [];
  const expect: Expectation[] = [];
  const failures: RewrapFailure[] = [];
  for (const outcome of outcomes) {
    if ("write" in outcome) {
      writes.push(outcome.write);
      expect.push(outcome.expect);
    } else failures.push(outcome.failure);
  }
  const exhausted = page.records.length === 0;
  return { staleKeyId, cursor: page.cursor, exhausted, writes, expect, failures };
}

/** The run's own records go with the entries: its job, its due time, and the count of encryptions. */
const RUN_WRITES = 3;
const RUN_EXPECTATIONS = 1;

function pageSize(
  { commitMaxWrites, commitMaxExpectations, commitMaxBytes }: StoreLimits,
): { readonly entries: number; readonly maxBytes: number } {
  const entries = Math.min(
    REWRAP_BATCH_ENTRIES,
    commitMaxWrites - RUN_WRITES,
    commitMaxExpectations - RUN_EXPECTATIONS,
  );
  // The newest key may have a longer id than the stale one.
  const ownBytes = REWRAP_JOB_MAX_BYTES + entries * SEAL_KEY_ID_MAX_BYTES;
  return { entries, maxBytes: Math.min(REWRAP_BATCH_MAX_BYTES, commitMaxBytes - ownBytes) };
}

/** The results in the order of `items`, with at most `lanes` bodies in progress. */
async function mapInLanes<Item, Result>(
  items: readonly Item[],
  lanes: number,
  body: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (const [index, item] of queue) results[index] = await body(item);
  }));
  return results;
}

type EntryOutcome =
  | { readonly write: Write; readonly expect: Expectation }
  | { readonly failure: RewrapFailure };

const ENTRY_FAULTS: ReadonlySet<string> = new Set([
  "ciphertext_rejected",
  "unknown_key",
  "record_malformed",
]);

async function rewrapRecord(
  outer: OuterLayer,
  record: StoredRecord,
  nowMs: number,
): Promise<EntryOutcome> {
  try {
    const value = await outer.unwrap(record.path, record.bytes);
    const bytes = await outer.wrap(record.path, value);
    return {
      write: { path: record.path, bytes, sealKeyId: outer.keyId },
      expect: { path: record.path, revision: record.revision },
    };
  } catch (error) {
    if (!(error instanceof VaultError) || !ENTRY_FAULTS.has(error.code)) throw error;
    const sealKeyId = record.sealKeyId ?? "";
    return { failure: { path: record.path, sealKeyId, error: error.code, atMs: nowMs } };
  }
}

/** The slice without one entry, which another writer has replaced meanwhile. */
export function withoutEntry(slice: Slice, path: string): Slice {
  return {
    ...slice,
    writes: slice.writes.filter((write) => write.path !== path),
    expect: slice.expect.filter((expectation) => expectation.path !== path),
  };
}

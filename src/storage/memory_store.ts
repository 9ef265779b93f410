/**
 * The store of tests: everything is in memory and gone with the process. Applies each commit in one
 * synchronous step and returns copies only.
 */

import { SQL_LIMITS } from "./sql/sql_limits.ts";
import { checkCommit, checkLimit, pageLength, rowIdOf } from "./checks.ts";
import { comparePaths } from "./paths.ts";
import { ABSENT, asRevision } from "./store.ts";
import type { Commit, CommitOutcome, Store, StoredRecord, StoreLimits, Write } from "./store.ts";

/** A row keeps its id when it is overwritten. Ids are never reused. */
interface Row {
  readonly id: number;
  record: StoredRecord;
}

interface Tables {
  readonly rows: Map<string, Row>;
  /** Every path, sorted. */
  readonly paths: string[];
  /** Rows by seal key id, each list sorted by row id and never empty. */
  readonly wrapped: Map<string, Row[]>;
  revision: number;
  lastRowId: number;
}

/**
 * A Store with `storageType` "inmem". `close` keeps the data, so a test may reopen the store.
 * `limits` defaults to those of a SQL store.
 */
export function createMemoryStore(limits: StoreLimits = SQL_LIMITS): Store {
  const tables: Tables = {
    rows: new Map(),
    paths: [],
    wrapped: new Map(),
    revision: 0,
    lastRowId: 0,
  };
  return {
    storageType: "inmem",
    limits,
    async get(path) {
      const row = tables.rows.get(path);
      return row === undefined ? null : copyRecord(row.record);
    },
    async list(prefix, after, limit) {
      checkLimit(limit);
      return listPaths(tables.paths, prefix, after, limit);
    },
    async scan(after, limit, maxBytes) {
      checkLimit(limit);
      const reached = listPaths(tables.paths, "", after, limit).map((path) =>
        (tables.rows.get(path) as Row).record
      );
      const page = pageLength(reached.map(({ bytes }) => bytes.length), maxBytes);
      return reached.slice(0, page).map(copyRecord);
    },
    async wrappedBy(sealKeyId, cursor, limit, maxBytes) {
      checkLimit(limit);
      const rows = tables.wrapped.get(sealKeyId) ?? [];
      const start = lowerBound(rows, (row) => row.id <= rowIdOf(cursor));
      const reached = rows.slice(start, start + limit);
      const sizesBytes = reached.map((row) => row.record.bytes.length);
      const page = reached.slice(0, pageLength(sizesBytes, maxBytes));
      return {
        records: page.map((row) => copyRecord(row.record)),
        cursor: page.at(-1)?.id.toString() ?? cursor,
      };
    },
    async sealKeyCounts() {
      return new Map(Array.from(tables.wrapped, ([sealKeyId, rows]) => [sealKeyId, rows.length]));
    },
    async commit(commit) {
      checkCommit(commit, limits);
      return applyCommit(tables, commit);
    },
    async scrub() {
      return "done";
    },
    async scrubKeyRecords() {},
    async sizeBytes() {
      return null;
    },
    async close() {},
  };
}

function copyRecord(record: StoredRecord): StoredRecord {
  return { ...record, bytes: Uint8Array.from(record.bytes) };
}

function listPaths(
  paths: readonly string[],
  prefix: string,
  after: string,
  limit: number,
): readonly string[] {
  // No stored path has a lone surrogate, but `startsWith` would match one to half a character.
  if (!prefix.isWellFormed()) return [];
  const last = after.toWellFormed();
  const start = lowerBound(
    paths,
    (path) => comparePaths(path, last) <= 0 || comparePaths(path, prefix) < 0,
  );
  const end = lowerBound(
    paths,
    (path) => comparePaths(path, prefix) < 0 || path.startsWith(prefix),
  );
  return paths.slice(start, Math.min(end, start + limit));
}

function applyCommit(tables: Tables, commit: Commit): CommitOutcome {
  for (const { path, revision } of commit.expect ?? []) {
    const current = tables.rows.get(path)?.record.revision ?? ABSENT;
    if (current !== revision) return { kind: "conflict", path };
  }
  tables.revision += 1;
  for (const write of commit.writes) applyWrite(tables, write);
  return { kind: "committed", revision: asRevision(String(tables.revision)) };
}

function applyWrite(tables: Tables, { path, bytes, sealKeyId }: Write): void {
  const row = tables.rows.get(path);
  if (row !== undefined) removeFromIndex(tables, row);
  if (bytes === null) {
    if (row === undefined) return;
    tables.rows.delete(path);
    tables.paths.splice(pathIndex(tables.paths, path), 1);
    return;
  }
  const record = {
    path,
    bytes: Uint8Array.from(bytes),
    revision: asRevision(String(tables.revision)),
    sealKeyId,
  };
  if (row !== undefined) {
    row.record = record;
    addToIndex(tables, row);
    return;
  }
  tables.lastRowId += 1;
  const added: Row = { id: tables.lastRowId, record };
  tables.rows.set(path, added);
  tables.paths.splice(pathIndex(tables.paths, path), 0, path);
  addToIndex(tables, added);
}

function addToIndex({ wrapped }: Tables, row: Row): void {
  const { sealKeyId } = row.record;
  if (sealKeyId === null) return;
  const rows = wrapped.get(sealKeyId) ?? [];
  rows.splice(lowerBound(rows, (other) => other.id < row.id), 0, row);
  wrapped.set(sealKeyId, rows);
}

function removeFromIndex({ wrapped }: Tables, row: Row): void {
  const { sealKeyId } = row.record;
  const rows = sealKeyId === null ? undefined : wrapped.get(sealKeyId);
  if (sealKeyId === null || rows === undefined) return;
  rows.splice(lowerBound(rows, (other) => other.id < row.id), 1);
  if (rows.length === 0) wrapped.delete(sealKeyId);
}

function pathIndex(paths: readonly string[], path: string): number {
  return lowerBound(paths, (other) => comparePaths(other, path) < 0);
}

/** Index of the first item that does not precede. All items that do must come first. */
function lowerBound<Item>(items: readonly Item[], precedes: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (precedes(items[middle] as Item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The SQL implementation of the store, for Durable Objects and local SQLite files; a driver covers
 * the differences. Concurrent commits share a transaction, each still all or nothing. Reads see
 * committed records only. The bytes of a commit are not copied, so callers must not change them
 * until its promise settles.
 */

import { VaultError } from "../../errors.ts";
import { checkCommit, checkLimit, pageLength, rowIdOf } from "../checks.ts";
import { createGroupCommit } from "./group_commit.ts";
import { comparePaths, prefixEnd } from "../paths.ts";
import { mayHoldKeyRecords } from "../key_records.ts";
import {
  bytesColumn,
  eachTable,
  numberColumn,
  openSchema,
  RECORD_TABLES,
  revisionColumn,
  tableOf,
  textColumn,
  textOrNullColumn,
} from "./sql_schema.ts";
import type { RecordTable, SqlDriver, SqlRow } from "./sql_schema.ts";
import { applyGroup } from "./sql_writes.ts";
import type { ScrubOutcome, Store, StoredRecord, WrappedPage } from "../store.ts";
import { SQL_LIMITS } from "./sql_limits.ts";

/** Work that only the owner of the database can do. Each may throw what SQLite reports. */
export interface SqlMaintenance {
  /** See `Store.scrub`. */
  scrub(): ScrubOutcome;
  /** See `Store.scrubKeyRecords`. */
  scrubKeyRecords(): void;
  /** Bytes of the database; null if unknown. */
  sizeBytes(): number | null;
  /** Called once. The driver is not used afterwards. */
  close(): void;
}

export interface SqlStoreOptions {
  /** Vault's `storage_type`. */
  readonly storageType: string;
  readonly maintenance: SqlMaintenance;
  /**
   * Calls its argument at the end of the turn, when all commits that arrive together are there.
   * Defaults to `queueMicrotask`, the only end of a turn that every platform has.
   */
  readonly gather?: (flush: () => void) => void;
}

const selectRecord = eachTable((table) =>
  `SELECT path, bytes, revision, seal_keys.name AS seal_key FROM ${table}
  LEFT JOIN seal_keys ON seal_keys.id = ${table}.seal_key WHERE path = ?`
);
const WHERE_WRAPPED = "WHERE seal_key = (SELECT id FROM seal_keys WHERE name = ?) AND id > ?";
// SQLite reads the length of a BLOB from the head of its row, without the pages that hold it.
const SELECT_WRAPPED_SIZES = `${
  ofBothTables((table) => `SELECT id, length(bytes) AS size_bytes FROM ${table} ${WHERE_WRAPPED}`)
} ORDER BY id LIMIT ?`;
const SELECT_WRAPPED = `${
  ofBothTables((table) =>
    `SELECT id, path, bytes, revision FROM ${table} ${WHERE_WRAPPED} AND id <= ?`
  )
} ORDER BY id`;
const SELECT_COUNTS = "SELECT name, wrapped FROM seal_keys WHERE wrapped > 0";
// Names are looked up for each commit and never kept across commits, so a row may go at any time.
const DELETE_UNUSED_SEAL_KEYS = "DELETE FROM seal_keys WHERE wrapped = 0";
const WHERE_FROM = "WHERE path >= ? AND path < ?";
const WHERE_AFTER = "WHERE path > ? AND path < ?";
const ORDER_PATHS = "ORDER BY path LIMIT ?";
const SELECT_SCANNED_SIZES = `${
  ofBothTables((table) => `SELECT path, length(bytes) AS size_bytes FROM ${table} WHERE path > ?`)
} ${ORDER_PATHS}`;
const SELECT_SCANNED = `${
  ofBothTables((table) =>
    `SELECT path, bytes, revision, seal_keys.name AS seal_key FROM ${table}
  LEFT JOIN seal_keys ON seal_keys.id = ${table}.seal_key WHERE path > ? AND path <= ?`
  )
} ORDER BY path`;

function ofBothTables(select: (table: RecordTable) => string): string {
  return RECORD_TABLES.map(select).join(" UNION ALL ");
}

/** An upper bound of all paths: in SQLite every TEXT sorts before every BLOB. */
const BEYOND_PATHS = Uint8Array.of(0);

/**
 * Opens the store on the driver's database and makes missing tables. Throws
 * `VaultError("store_failed")` for a schema of another version, and whatever the driver throws.
 */
export function createSqlStore(driver: SqlDriver, options: SqlStoreOptions): Store {
  const { storageType, maintenance, gather = queueMicrotask } = options;
  openSchema(driver);
  const commits = createGroupCommit((group) => applyGroup(driver, group), gather);
  let closed = false;

  function use<Result>(body: () => Result): Result {
    if (closed) throw new VaultError("store_failed", "cannot use the store: it is closed");
    return runGuarded(body);
  }

  return {
    storageType,
    limits: SQL_LIMITS,
    async get(path) {
      return use(() => readRecord(driver, path));
    },
    async list(prefix, after, limit) {
      checkLimit(limit);
      return use(() => listPaths(driver, prefix, after, limit));
    },
    async scan(after, limit, maxBytes) {
      checkLimit(limit);
      return use(() => scanRecords(driver, after, limit, maxBytes));
    },
    async wrappedBy(sealKeyId, cursor, limit, maxBytes) {
      checkLimit(limit);
      return use(() => readWrapped(driver, sealKeyId, cursor, limit, maxBytes));
    },
    async sealKeyCounts() {
      return use(() => countWrapped(driver));
    },
    async commit(commit) {
      checkCommit(commit, SQL_LIMITS);
      return use(() => commits.add(commit));
    },
    async scrub() {
      return use(() => {
        commits.flush();
        driver.run(DELETE_UNUSED_SEAL_KEYS);
        return maintenance.scrub();
      });
    },
    async scrubKeyRecords() {
      use(() => {
        commits.flush();
        maintenance.scrubKeyRecords();
      });
    },
    async sizeBytes() {
      return use(() => maintenance.sizeBytes());
    },
    async close() {
      if (closed) return;
      use(() => {
        commits.flush();
        closed = true;
        maintenance.close();
      });
    },
  };
}

function runGuarded<Result>(body: () => Result): Result {
  try {
    return body();
  } catch (cause) {
    throw new VaultError("store_failed", "cannot use the store: the database failed", { cause });
  }
}

function readRecord(driver: SqlDriver, path: string): StoredRecord | null {
  // SQLite would look up a lone surrogate as U+FFFD and find the record of another path.
  if (!path.isWellFormed()) return null;
  const row = driver.all(selectRecord[tableOf(path)], path)[0];
  return row === undefined ? null : toRecord(row, textOrNullColumn(row, "seal_key"));
}

function listPaths(
  driver: SqlDriver,
  prefix: string,
  after: string,
  limit: number,
): readonly string[] {
  if (!prefix.isWellFormed()) return [];
  const last = after.toWellFormed();
  const end = prefixEnd(prefix) ?? BEYOND_PATHS;
  // SQLite gets one lower bound only: given both, it might scan from the wrong one.
  const isFromPrefix = comparePaths(last, prefix) < 0;
  const where = isFromPrefix ? WHERE_FROM : WHERE_AFTER;
  const select = (table: RecordTable): string => `SELECT path FROM ${table} ${where}`;
  const range = [isFromPrefix ? prefix : last, end];
  const rows = mayHoldKeyRecords(prefix)
    ? driver.all(`${ofBothTables(select)} ${ORDER_PATHS}`, ...range, ...range, limit)
    : driver.all(`${select("records")} ${ORDER_PATHS}`, ...range, limit);
  return rows.map((row) => textColumn(row, "path"));
}

function scanRecords(
  driver: SqlDriver,
  after: string,
  limit: number,
  maxBytes: number,
): readonly StoredRecord[] {
  const start = after.toWellFormed();
  const reached = driver.all(SELECT_SCANNED_SIZES, start, start, limit);
  const sizesBytes = reached.map((row) => numberColumn(row, "size_bytes"));
  const last = reached[pageLength(sizesBytes, maxBytes) - 1];
  if (last === undefined) return [];
  const end = textColumn(last, "path");
  const rows = driver.all(SELECT_SCANNED, start, end, start, end);
  return rows.map((row) => toRecord(row, textOrNullColumn(row, "seal_key")));
}

function readWrapped(
  driver: SqlDriver,
  sealKeyId: string,
  cursor: string | null,
  limit: number,
  maxBytes: number,
): WrappedPage {
  const start = rowIdOf(cursor);
  const reached = driver.all(SELECT_WRAPPED_SIZES, sealKeyId, start, sealKeyId, start, limit);
  const sizesBytes = reached.map((row) => numberColumn(row, "size_bytes"));
  const last = reached[pageLength(sizesBytes, maxBytes) - 1];
  if (last === undefined) return { records: [], cursor };
  const end = numberColumn(last, "id");
  const rows = driver.all(SELECT_WRAPPED, sealKeyId, start, end, sealKeyId, start, end);
  return { records: rows.map((row) => toRecord(row, sealKeyId)), cursor: String(end) };
}

function countWrapped(driver: SqlDriver): ReadonlyMap<string, number> {
  const rows = driver.all(SELECT_COUNTS);
  return new Map(rows.map((row) => [textColumn(row, "name"), numberColumn(row, "wrapped")]));
}

function toRecord(row: SqlRow, sealKeyId: string | null): StoredRecord {
  return {
    path: textColumn(row, "path"),
    bytes: bytesColumn(row, "bytes"),
    revision: revisionColumn(row),
    sealKeyId,
  };
}

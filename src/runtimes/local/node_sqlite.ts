/**
 * The store in one SQLite file, over `node:sqlite`, which Node, Deno and Bun all have. One process
 * owns the file while it is open; a second one is refused. An acknowledged commit survives a power
 * loss (WAL, `synchronous=FULL`).
 */

import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import { VaultError } from "../../errors.ts";
import { SCRUB_REBUILD_MAX_BYTES } from "../../limits.ts";
import type { SqlDriver, SqlValue } from "../../storage/sql/sql_schema.ts";
import {
  isScrubOwed,
  numberColumn,
  rebuildTable,
  RECORD_TABLES,
  setScrubOwed,
} from "../../storage/sql/sql_schema.ts";
import { createSqlStore } from "../../storage/sql/sql_store.ts";
import type { SqlMaintenance } from "../../storage/sql/sql_store.ts";
import type { Store } from "../../storage/store.ts";
import { createPrivateFile } from "./private_file.ts";

const IN_MEMORY = ":memory:";
/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5;
/** How long opening waits for a previous process that may be ending. */
const BUSY_TIMEOUT_MS = 1000;
/** Size of the page cache, whatever the number of records. */
const CACHE_KIB = 16 * 1024;
/** WAL pages before a checkpoint: 8 MiB, so that a rewrap slice fits. */
const CHECKPOINT_PAGES = 2048;

const SETTINGS: readonly string[] = [
  `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`,
  // Set before the first WAL access, this keeps the lock and avoids a shared memory file.
  "PRAGMA locking_mode = EXCLUSIVE",
  "PRAGMA synchronous = FULL",
  "PRAGMA secure_delete = ON",
  `PRAGMA cache_size = -${CACHE_KIB}`,
  `PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
];

export interface NodeSqliteOptions {
  /** Databases above this size are scrubbed at the next opening instead. */
  readonly scrubRebuildMaxBytes?: number;
}

/**
 * Opens the store in `file`, or in memory for ":memory:". Creates a missing file with mode 0600 and
 * missing directories with 0700. Does an owed scrub first. Throws `VaultError("store_failed")` if
 * the file is in use by another process, is not a database, or has another schema version.
 */
export function openNodeSqlite(file: string, options: NodeSqliteOptions = {}): Store {
  const { scrubRebuildMaxBytes = SCRUB_REBUILD_MAX_BYTES } = options;
  let database: DatabaseSync | undefined;
  try {
    if (file !== IN_MEMORY) createPrivateFile(file);
    database = new DatabaseSync(file);
    const driver = createNodeDriver(database);
    for (const setting of SETTINGS) driver.all(setting);
    if (file !== IN_MEMORY) startWal(driver);
    const maintenance = createMaintenance(database, driver, scrubRebuildMaxBytes);
    const store = createSqlStore(driver, { storageType: "sqlite", maintenance, gather: endOfTurn });
    scrubAtOpening(driver);
    return store;
  } catch (error) {
    database?.close();
    if (error instanceof VaultError) throw error;
    throw new VaultError("store_failed", describeFailure(file, error), { cause: error });
  }
}

/**
 * Web Crypto makes requests of one event loop turn reach their commit in separate microtask rounds.
 * Only after the turn have they all arrived.
 */
function endOfTurn(flush: () => void): void {
  setImmediate(flush);
}

/** The SQL driver over an open database. Caches prepared statements by their text. */
export function createNodeDriver(database: DatabaseSync): SqlDriver {
  const statements = new Map<string, StatementSync>();

  function prepared(sql: string): StatementSync {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  }

  const driver: SqlDriver = {
    all: (sql, ...parameters) => prepared(sql).all(...parameters) as Record<string, SqlValue>[],
    run: (sql, ...parameters) => {
      prepared(sql).run(...parameters);
    },
    transaction: (body) => {
      driver.run("BEGIN IMMEDIATE");
      try {
        const result = body();
        driver.run("COMMIT");
        return result;
      } catch (error) {
        rollBack(driver);
        throw error;
      }
    },
  };
  return driver;
}

function rollBack(driver: SqlDriver): void {
  try {
    driver.run("ROLLBACK");
  } catch {
    // After some failures (disk full, I/O) SQLite has already rolled back and refuses to do so
    // again. The first error is the one to report.
  }
}

function startWal(driver: SqlDriver): void {
  const mode = driver.all("PRAGMA journal_mode = WAL")[0]?.["journal_mode"];
  if (mode !== "wal") throw new Error(`its file system allows no WAL, journal_mode is ${mode}`);
}

function checkpoint(driver: SqlDriver): void {
  const result = driver.all("PRAGMA wal_checkpoint(TRUNCATE)")[0];
  if (result?.["busy"] !== 0) throw new Error("the WAL could not be truncated");
}

/**
 * secure_delete zeroes deleted rows, but not copies left in a page's slack when SQLite moves rows
 * to neighbouring pages. Only fresh pages have no such copies.
 */
function rebuildFile(driver: SqlDriver): void {
  for (const table of RECORD_TABLES) rebuildTable(driver, table);
  checkpoint(driver);
  setScrubOwed(driver, false);
}

/** There are few key records, so they are rebuilt at once and never owed. */
function rebuildKeyRecords(driver: SqlDriver): void {
  rebuildTable(driver, "key_records");
  checkpoint(driver);
}

function scrubAtOpening(driver: SqlDriver): void {
  try {
    if (isScrubOwed(driver)) rebuildFile(driver);
    else rebuildKeyRecords(driver);
  } catch {
    // The rebuild needs room for a second copy of the records. Without it the vault must still
    // open; the scrub stays owed.
  }
}

/** Bytes of the pages in use. */
function databaseBytes(driver: SqlDriver): number {
  const row = driver.all(
    "SELECT (page_count - freelist_count) * page_size AS bytes " +
      "FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
  )[0];
  return row === undefined ? 0 : numberColumn(row, "bytes");
}

function createMaintenance(
  database: DatabaseSync,
  driver: SqlDriver,
  rebuildMaxBytes: number,
): SqlMaintenance {
  return {
    scrub: () => {
      // Marked as owed first, so that a failed or killed scrub is repeated.
      setScrubOwed(driver, true);
      if (databaseBytes(driver) <= rebuildMaxBytes) {
        rebuildFile(driver);
        return "done";
      }
      rebuildKeyRecords(driver);
      return "deferred";
    },
    scrubKeyRecords: () => rebuildKeyRecords(driver),
    sizeBytes: () => databaseBytes(driver),
    close: () => {
      try {
        checkpoint(driver);
      } finally {
        database.close();
      }
    },
  };
}

function describeFailure(file: string, error: unknown): string {
  if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) {
    return `the database ${file} is in use by another process`;
  }
  return `cannot open the database ${file}: ${
    error instanceof Error ? error.message : "unknown error"
  }`;
}

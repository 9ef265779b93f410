/**
 * The SQL driver port and the tables of a SQL store. The first opening makes the tables. A store
 * with another schema version is refused and left as it is.
 */

import { VaultError } from "../../errors.ts";
import { isKeyRecord } from "../key_records.ts";
import { asRevision, type Revision } from "../store.ts";

export type SqlValue = string | number | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A synchronous SQLite connection. Every method throws what SQLite reports. */
export interface SqlDriver {
  /** All rows of a query, each BLOB in a new Uint8Array. SQL texts are few and may be cached. */
  all(sql: string, ...parameters: readonly SqlValue[]): readonly SqlRow[];
  run(sql: string, ...parameters: readonly SqlValue[]): void;
  /** Runs `body` in one transaction, which is undone if `body` or its commit throws. */
  transaction<Result>(body: () => Result): Result;
}

const SCHEMA_VERSION = 3;

/**
 * Key records (`isKeyRecord`) have a small table of their own, which can be rebuilt at any time.
 * Both tables have the same form. Ids are unique across both, because the cursor of a page needs
 * that.
 */
export const RECORD_TABLES = ["records", "key_records"] as const;
export type RecordTable = (typeof RECORD_TABLES)[number];

/** The table of a path. */
export function tableOf(path: string): RecordTable {
  return isKeyRecord(path) ? "key_records" : "records";
}

/** One text per table. */
export function eachTable(text: (table: RecordTable) => string): Record<RecordTable, string> {
  return { records: text("records"), key_records: text("key_records") };
}

const RECORD_COLUMNS = `(
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  bytes BLOB NOT NULL,
  revision INTEGER NOT NULL,
  seal_key INTEGER NULL
)`;

/** `wrapped` counts the records of both tables that the key wraps. Triggers keep it. */
const SEAL_KEYS_TABLE = `CREATE TABLE IF NOT EXISTS seal_keys (
  id INTEGER PRIMARY KEY,
  name TEXT UNIQUE NOT NULL,
  wrapped INTEGER NOT NULL DEFAULT 0
)`;

function createRecordTable(driver: SqlDriver, table: RecordTable): void {
  driver.run(`CREATE TABLE IF NOT EXISTS ${table} ${RECORD_COLUMNS}`);
  driver.run(
    `CREATE INDEX IF NOT EXISTS ${table}_by_seal_key ON ${table} (seal_key) ` +
      "WHERE seal_key IS NOT NULL",
  );
  createCounters(driver, table);
}

/** An upsert of an existing record fires the trigger of the update, not that of the insert. */
function createCounters(driver: SqlDriver, table: RecordTable): void {
  const less = "UPDATE seal_keys SET wrapped = wrapped - 1 WHERE id = old.seal_key;";
  const more = "UPDATE seal_keys SET wrapped = wrapped + 1 WHERE id = new.seal_key;";
  const counter = (event: string, condition: string, steps: string): void =>
    driver.run(
      `CREATE TRIGGER IF NOT EXISTS ${table}_counted_${event} AFTER ${event} ON ${table} ` +
        `WHEN ${condition} BEGIN ${steps} END`,
    );
  counter("INSERT", "new.seal_key IS NOT NULL", more);
  counter("UPDATE", "new.seal_key IS NOT old.seal_key", `${less} ${more}`);
  counter("DELETE", "old.seal_key IS NOT NULL", less);
}

/**
 * `meta` has one row. `last_row_id` allocates record ids: SQLite itself would reuse the highest id
 * after its record was deleted, and a cursor already past it would miss the new record.
 * `scrub_owed` is 1 while a scrub has yet to remove overwritten bytes from the database file.
 */
const META_TABLE = `CREATE TABLE IF NOT EXISTS meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  last_row_id INTEGER NOT NULL,
  scrub_owed INTEGER NOT NULL DEFAULT 0
)`;

/**
 * Makes missing tables. Throws `VaultError("store_failed")` if the store has another schema
 * version; then nothing was changed.
 */
export function openSchema(driver: SqlDriver): void {
  driver.transaction(() => {
    driver.run(META_TABLE);
    const meta = driver.all("SELECT schema_version FROM meta")[0];
    if (meta === undefined) {
      driver.run("INSERT INTO meta VALUES (1, ?, 0, 0, 0)", SCHEMA_VERSION);
    } else if (numberColumn(meta, "schema_version") !== SCHEMA_VERSION) {
      throw new VaultError(
        "store_failed",
        `cannot open the store: its schema has version ${numberColumn(meta, "schema_version")}, ` +
          `this program reads version ${SCHEMA_VERSION} only; use the release that wrote it`,
      );
    }
    driver.run(SEAL_KEYS_TABLE);
    for (const table of RECORD_TABLES) createRecordTable(driver, table);
  });
}

/**
 * Copies the records of a table, ids included, into fresh pages and drops the old ones, which
 * `secure_delete` then zeroes. So no slack space keeps an overwritten record. VACUUM would do the
 * same, but it attaches a second database, which Deno denies to processes with narrow permissions.
 */
export function rebuildTable(driver: SqlDriver, table: RecordTable): void {
  driver.transaction(() => {
    driver.run("DROP TABLE IF EXISTS rebuilt");
    driver.run(`CREATE TABLE rebuilt ${RECORD_COLUMNS}`);
    driver.run(`INSERT INTO rebuilt SELECT * FROM ${table} ORDER BY id`);
    driver.run(`DROP TABLE ${table}`);
    driver.run(`ALTER TABLE rebuilt RENAME TO ${table}`);
    createRecordTable(driver, table);
  });
}

/** Whether a scrub was begun or deferred and has not been completed since. */
export function isScrubOwed(driver: SqlDriver): boolean {
  const meta = driver.all("SELECT scrub_owed FROM meta")[0];
  return meta !== undefined && numberColumn(meta, "scrub_owed") !== 0;
}

export function setScrubOwed(driver: SqlDriver, owed: boolean): void {
  driver.run("UPDATE meta SET scrub_owed = ?", owed ? 1 : 0);
}

/** The column readers throw TypeError for another type, which means a damaged database. */
export function numberColumn(row: SqlRow, name: string): number {
  const value = row[name];
  if (typeof value !== "number") throw new TypeError(`column ${name} holds no number`);
  return value;
}

export function textColumn(row: SqlRow, name: string): string {
  const value = row[name];
  if (typeof value !== "string") throw new TypeError(`column ${name} holds no text`);
  return value;
}

/** Of the commit that wrote the record. */
export function revisionColumn(row: SqlRow): Revision {
  return asRevision(String(numberColumn(row, "revision")));
}

export function textOrNullColumn(row: SqlRow, name: string): string | null {
  return row[name] === null ? null : textColumn(row, name);
}

export function bytesColumn(row: SqlRow, name: string): Uint8Array {
  const value = row[name];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${name} holds no bytes`);
  return value;
}

/**
 * Applies a group of commits in one transaction. Each commit sees the effects of those before it in
 * the group. A conflict skips that commit only; an exception undoes the whole group.
 */

import { eachTable, numberColumn, revisionColumn, tableOf } from "./sql_schema.ts";
import type { SqlDriver } from "./sql_schema.ts";
import { ABSENT, asRevision } from "../store.ts";
import type { Commit, CommitOutcome, Expectation, Write } from "../store.ts";

const SELECT_META = "SELECT revision, last_row_id FROM meta";
const UPDATE_META = "UPDATE meta SET revision = ?, last_row_id = ?";
const selectRevision = eachTable((table) => `SELECT revision FROM ${table} WHERE path = ?`);
const deleteRecord = eachTable((table) => `DELETE FROM ${table} WHERE path = ?`);
// An overwritten record keeps its row id, so that cursors of `wrappedBy` stay valid.
const putRecord = eachTable((table) =>
  `INSERT INTO ${table} (id, path, bytes, revision, seal_key) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (path) DO UPDATE SET
    bytes = excluded.bytes, revision = excluded.revision, seal_key = excluded.seal_key`
);
const ADD_SEAL_KEY = "INSERT INTO seal_keys (name) VALUES (?) ON CONFLICT (name) DO NOTHING";
const SELECT_SEAL_KEY = "SELECT id FROM seal_keys WHERE name = ?";

/** The state of one transaction, written back to `meta` at its end. */
interface Transaction {
  readonly driver: SqlDriver;
  readonly sealKeyRows: Map<string, number>;
  revision: number;
  lastRowId: number;
}

/** One outcome per commit, in order. Throws what the driver throws; then nothing was written. */
export function applyGroup(
  driver: SqlDriver,
  group: readonly Commit[],
): readonly CommitOutcome[] {
  return driver.transaction(() => {
    const meta = driver.all(SELECT_META)[0];
    if (meta === undefined) throw new TypeError("the table meta holds no row");
    const revision = numberColumn(meta, "revision");
    const transaction: Transaction = {
      driver,
      sealKeyRows: new Map(),
      revision,
      lastRowId: numberColumn(meta, "last_row_id"),
    };
    const outcomes = group.map((commit) => applyCommit(transaction, commit));
    if (transaction.revision !== revision) {
      driver.run(UPDATE_META, transaction.revision, transaction.lastRowId);
    }
    return outcomes;
  });
}

function applyCommit(transaction: Transaction, { expect = [], writes }: Commit): CommitOutcome {
  const unmet = expect.find((expectation) => !isMet(transaction.driver, expectation));
  if (unmet !== undefined) return { kind: "conflict", path: unmet.path };
  transaction.revision += 1;
  for (const write of writes) applyWrite(transaction, write);
  return { kind: "committed", revision: asRevision(String(transaction.revision)) };
}

function isMet(driver: SqlDriver, { path, revision }: Expectation): boolean {
  const row = driver.all(selectRevision[tableOf(path)], path)[0];
  return revision === (row === undefined ? ABSENT : revisionColumn(row));
}

function applyWrite(transaction: Transaction, { path, bytes, sealKeyId }: Write): void {
  const { driver, revision } = transaction;
  if (bytes === null) {
    driver.run(deleteRecord[tableOf(path)], path);
    return;
  }
  const sealKey = sealKeyId === null ? null : sealKeyRow(transaction, sealKeyId);
  transaction.lastRowId += 1;
  driver.run(putRecord[tableOf(path)], transaction.lastRowId, path, bytes, revision, sealKey);
}

/** The row of a seal key's name, added on first use. A scrub removes it once it wraps nothing. */
function sealKeyRow({ driver, sealKeyRows }: Transaction, name: string): number {
  const known = sealKeyRows.get(name);
  if (known !== undefined) return known;
  driver.run(ADD_SEAL_KEY, name);
  const row = driver.all(SELECT_SEAL_KEY, name)[0];
  if (row === undefined) throw new TypeError("the table seal_keys lost a row");
  const id = numberColumn(row, "id");
  sealKeyRows.set(name, id);
  return id;
}

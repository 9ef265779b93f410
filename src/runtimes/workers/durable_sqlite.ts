/**
 * The store in a Durable Object's SQLite database. Only the object ever opens it, and the platform
 * replicates it. There is no file, WAL or secure_delete to configure here.
 *
 * Durability: a commit resolves when SQLite has applied it, without `await storage.sync()`. The
 * object's output gate holds every outgoing message (responses, requests) until the writes before
 * it are durable. If they fail, the messages are discarded and the object restarts from its durable
 * state, so nothing has seen the undone commit, not even this program's memory. Awaiting `sync`
 * would cost a replication round trip per commit instead of one per request. Source:
 * cloudflare/workerd src/workerd/io/actor-sqlite.c++, `outputGate.lockWhile`.
 */

import type { DurableObjectStorage, SqlStorageValue } from "@cloudflare/workers-types";
import type { SqlDriver, SqlRow, SqlValue } from "../../storage/sql/sql_schema.ts";
import { createSqlStore } from "../../storage/sql/sql_store.ts";
import type { SqlMaintenance } from "../../storage/sql/sql_store.ts";
import type { Store } from "../../storage/store.ts";

/** `storage` must belong to an object whose class is declared with SQLite storage. */
export function createDurableStore(storage: DurableObjectStorage): Store {
  const { sql } = storage;
  const driver: SqlDriver = {
    all: (text, ...parameters) => sql.exec(text, ...parameters).toArray().map(toRow),
    run: (text, ...parameters) => {
      sql.exec(text, ...parameters);
    },
    transaction: (body) => storage.transactionSync(body),
  };
  const maintenance: SqlMaintenance = {
    // Nothing to do, now or later: an object cannot set `secure_delete`, and nothing it can call
    // reaches free pages, replicas or the history for point-in-time recovery.
    scrub: () => "done",
    scrubKeyRecords: () => {},
    sizeBytes: () => sql.databaseSize,
    close: () => {},
  };
  return createSqlStore(driver, { storageType: "durable-object", maintenance });
}

function toRow(row: Record<string, SqlStorageValue>): SqlRow {
  const converted: Record<string, SqlValue> = {};
  for (const [name, value] of Object.entries(row)) {
    converted[name] = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
  }
  return converted;
}

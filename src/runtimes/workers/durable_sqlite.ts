/**
 * The store in the SQLite database of a Durable Object. The object is the only one that ever opens
 * it, and the platform replicates it; there is no file, no WAL and no secure_delete to set here.
 *
 * Durability: a commit resolves when SQLite has applied it, without `await storage.sync()`. The
 * object's output gate holds every message to the outside (responses, outgoing requests) until the
 * writes before it are durable; when they cannot be made so, the messages are discarded and the
 * object restarts from its durable state, so that no one has seen a commit that is undone, not even
 * this program's own memory. Waiting as well would cost each commit of a request one replication
 * round trip of its own instead of one for all.
 * Source: cloudflare/workerd src/workerd/io/actor-sqlite.c++, `outputGate.lockWhile`.
 */

import type { DurableObjectStorage, SqlStorageValue } from "@cloudflare/workers-types";
import type { SqlDriver, SqlRow, SqlValue } from "../../storage/sql/sql_schema.ts";
import { createSqlStore } from "../../storage/sql/sql_store.ts";
import type { SqlMaintenance } from "../../storage/sql/sql_store.ts";
import type { Store } from "../../storage/store.ts";

/** `storage` is that of an object whose class is declared with SQLite storage. */
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
    // Nothing to do, now or later: an object may not set `secure_delete`, and nothing it can call reaches free
    // pages, replicas or the history kept for point-in-time recovery.
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

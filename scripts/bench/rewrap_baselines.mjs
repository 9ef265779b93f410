/**
 * Helper: the two halves of a rewrap, measured separately in the real slices. `crypto`: the
 * product's seal unwraps and wraps the same values in memory, over and over. `sqlite`: the
 * product's store reads and rewrites the rows of a filled database, bytes unchanged, and scrubs.
 * Prints entries per second of each run.
 */

import process from "node:process";
import { wrappingKeyBytes } from "../../src/crypto/keys.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { REWRAP_BATCH_ENTRIES, REWRAP_BATCH_MAX_BYTES } from "../../src/limits.ts";
import { rewrapSlice } from "../../src/rewrap/slice.ts";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { Seal } from "../../src/seal/seal.ts";
import { SQL_LIMITS } from "../../src/storage/sql/sql_limits.ts";
import { entryName } from "./entries.mjs";

/** Bytes that the barrier adds to a value. */
const ENVELOPE_BYTES = 33;

const sealKey = (id) => ({ id, bytes: wrappingKeyBytes(randomBytes(32)) });

async function rewrapInMemory(entries, valueBytes) {
  const previous = sealKey("shamir-0123456789abcdef");
  const before = new Seal("shamir", previous, [], randomBytes);
  const seal = new Seal("shamir", sealKey("shamir-fedcba9876543210"), [previous], randomBytes);
  const length = Math.min(entries, REWRAP_BATCH_ENTRIES);
  const records = await Promise.all(Array.from({ length }, async (_, index) => {
    const path = `logical/00000000-0000-4000-8000-000000000000/${entryName(index)}`;
    const bytes = await before.wrap(path, randomBytes(valueBytes + ENVELOPE_BYTES));
    return { path, bytes, revision: "1", sealKeyId: previous.id };
  }));
  const store = { limits: SQL_LIMITS, wrappedBy: async () => ({ records, cursor: null }) };
  const startMs = performance.now();
  let done = 0;
  for (; done < entries; done += length) await rewrapSlice(store, seal, previous.id, null, 0);
  return done / (performance.now() - startMs) * 1000;
}

async function rewriteRows(store, fromKeyId, toKeyId) {
  const startMs = performance.now();
  let done = 0;
  for (let cursor = null;;) {
    const page = await store.wrappedBy(
      fromKeyId,
      cursor,
      REWRAP_BATCH_ENTRIES,
      REWRAP_BATCH_MAX_BYTES,
    );
    if (page.records.length === 0) break;
    await store.commit({
      expect: page.records.map(({ path, revision }) => ({ path, revision })),
      writes: page.records.map(({ path, bytes }) => ({ path, bytes, sealKeyId: toKeyId })),
    });
    done += page.records.length;
    cursor = page.cursor;
  }
  await store.scrub();
  return done / (performance.now() - startMs) * 1000;
}

const { kind, runs, entries, valueBytes, file } = JSON.parse(process.argv[2]);
const store = kind === "sqlite" ? openNodeSqlite(file) : null;
const rates = [];
let keyId = store === null ? null : [...(await store.sealKeyCounts()).keys()][0];
for (let run = 0; run < runs; run++) {
  if (store === null) rates.push(await rewrapInMemory(entries, valueBytes));
  else {
    const next = `bench-run-${run}-0123456`;
    rates.push(await rewriteRows(store, keyId, next));
    keyId = next;
  }
}
await store?.close();
process.stdout.write(JSON.stringify(rates));

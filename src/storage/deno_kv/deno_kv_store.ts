/**
 * The store on Deno KV: a local file, or a `denokv` server. Commits, and pages of whole records, run
 * one at a time, in the order of the calls; other reads run beside them. Deno KV keeps old bytes as
 * long as it likes, so this store promises no scrub.
 */

import { VaultError } from "../../errors.ts";
import {
  DENO_KV_COMMIT_MAX_BYTES,
  DENO_KV_COMMIT_WRITES_MAX,
  DENO_KV_PATH_MAX_BYTES,
  DENO_KV_RECORD_MAX_BYTES,
} from "../../limits.ts";
import { checkCommit, checkLimit, rowIdOf } from "../checks.ts";
import type { Store, StoreLimits } from "../store.ts";
import type { Kv } from "./kv.ts";
import { createCommits } from "./kv_commits.ts";
import { damaged, mayBePath } from "./kv_format.ts";
import { takeOwnership } from "./kv_owner.ts";
import { listPaths, readRecord, readSealKeys, readWrapped, scanRecords } from "./kv_reads.ts";
import { Mutex } from "../mutex.ts";

export const DENO_KV_LIMITS: StoreLimits = {
  pathMaxBytes: DENO_KV_PATH_MAX_BYTES,
  recordMaxBytes: DENO_KV_RECORD_MAX_BYTES,
  commitMaxWrites: DENO_KV_COMMIT_WRITES_MAX,
  commitMaxExpectations: DENO_KV_COMMIT_WRITES_MAX,
  // Leaves room for the record of a rewrap, which is written with the largest record.
  commitMaxBytes: DENO_KV_COMMIT_MAX_BYTES,
};

/**
 * Becomes the owner of what lies in `kv`, and ends the use of any other process. `ownerName` must be
 * that of no other opening, ever. Rejects with `VaultError("store_failed")` for data of another
 * program or of another format, and with what Deno KV reports.
 */
export async function createDenoKvStore(kv: Kv, ownerName: string): Promise<Store> {
  const owner = await takeOwnership(kv, ownerName);
  const apply = createCommits(kv, owner);
  const turns = new Mutex();
  let closed = false;

  async function use<Result>(body: () => Promise<Result>): Promise<Result> {
    if (closed) throw new VaultError("store_failed", "cannot use the store: it is closed");
    return await guarded(body);
  }

  return {
    storageType: "deno-kv",
    limits: DENO_KV_LIMITS,
    async get(path) {
      if (!mayBePath(path)) return null;
      return await use(async () => {
        const read = await readRecord(owner, path);
        if (read !== "moved") return read;
        const again = await turns.run(() => readRecord(owner, path));
        if (again === "moved") throw damaged();
        return again;
      });
    },
    async list(prefix, after, limit) {
      checkLimit(limit);
      if (!mayBePath(prefix)) return [];
      return await use(() => listPaths(kv, owner, prefix, after, limit));
    },
    async scan(after, limit, maxBytes) {
      checkLimit(limit);
      return await use(() => turns.run(() => scanRecords(kv, owner, after, limit, maxBytes)));
    },
    async wrappedBy(sealKeyId, text, limit, maxBytes) {
      checkLimit(limit);
      const cursor = { text, id: rowIdOf(text) };
      return await use(() =>
        turns.run(() => readWrapped(kv, owner, sealKeyId, cursor, limit, maxBytes))
      );
    },
    async sealKeyCounts() {
      const sealKeys = await use(() => readSealKeys(owner));
      return new Map(sealKeys.map(({ name, count }) => [name, count]));
    },
    async commit(commit) {
      checkCommit(commit, DENO_KV_LIMITS);
      return await use(() => turns.run(() => apply(commit)));
    },
    async scrub() {
      return await use(async () => "impossible" as const);
    },
    async scrubKeyRecords() {},
    async sizeBytes() {
      return null;
    },
    async close() {
      if (closed) return;
      closed = true;
      await guarded(() => turns.run(async () => kv.close()));
    },
  };
}

async function guarded<Result>(body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof VaultError) throw cause;
    throw new VaultError("store_failed", "cannot use the store: the database failed", { cause });
  }
}

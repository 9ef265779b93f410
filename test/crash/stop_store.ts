/**
 * A store that fails, or whose process dies, at its n-th commit. Earlier commits stay in the store below,
 * on which a new vault can be opened. It never looks into a record.
 */

import { VaultError } from "../../src/errors.ts";
import type { Store } from "../../src/storage/store.ts";

/**
 * `refused`: the commit rejects and writes nothing, and the store goes on.
 * `refused_twice`: the next commit, which may record the failure, rejects too.
 * `stopped_before`: nothing is written, and neither this call nor any later one settles.
 * `stopped_after`: the commit is durable, but neither this call nor any later one settles.
 */
export type StopMode = "refused" | "refused_twice" | "stopped_before" | "stopped_after";

export interface Stop {
  readonly mode: StopMode;
  /** 1 is the first commit. */
  readonly atCommit: number;
}

export interface StopStore extends Store {
  /** Commits asked for so far, including the one that was hit. */
  commits(): number;
  wasHit(): boolean;
  /** Resolves when the process counts as dead; never if commits are only refused. */
  readonly dead: Promise<void>;
}

/** Wraps `inner`. Without a stop it only counts commits. */
export function createStopStore(inner: Store, stop: Stop | null): StopStore {
  const died = Promise.withResolvers<void>();
  let commits = 0;
  let hit = false;
  let isDead = false;

  const forever = <Result>(): Promise<Result> => new Promise(() => {});
  function unlessDead<Result>(call: () => Promise<Result>): Promise<Result> {
    return isDead ? forever() : call();
  }
  function die<Result>(): Promise<Result> {
    isDead = true;
    died.resolve();
    return forever();
  }

  return {
    storageType: inner.storageType,
    limits: inner.limits,
    scan: (after, limit, maxBytes) => unlessDead(() => inner.scan(after, limit, maxBytes)),
    get: (path) => unlessDead(() => inner.get(path)),
    list: (prefix, after, limit) => unlessDead(() => inner.list(prefix, after, limit)),
    wrappedBy: (sealKeyId, cursor, limit, maxBytes) =>
      unlessDead(() => inner.wrappedBy(sealKeyId, cursor, limit, maxBytes)),
    sealKeyCounts: () => unlessDead(() => inner.sealKeyCounts()),
    async commit(commit) {
      if (isDead) return await forever();
      commits += 1;
      const isRepeated = stop?.mode === "refused_twice" && commits === stop.atCommit + 1;
      if (stop === null || (commits !== stop.atCommit && !isRepeated)) {
        return await inner.commit(commit);
      }
      hit = true;
      switch (stop.mode) {
        case "refused":
        case "refused_twice":
          throw new VaultError("store_failed", "cannot commit: the test says so");
        case "stopped_before":
          return await die();
        case "stopped_after":
          // Dead at once, so that no other call gets through in between.
          isDead = true;
          await inner.commit(commit);
          return await die();
      }
    },
    scrub: () => unlessDead(() => inner.scrub()),
    scrubKeyRecords: () => unlessDead(() => inner.scrubKeyRecords()),
    sizeBytes: () => unlessDead(() => inner.sizeBytes()),
    close: () => unlessDead(() => inner.close()),
    commits: () => commits,
    wasHit: () => hit,
    dead: died.promise,
  };
}

/**
 * `MountRecords` in memory with the real rules of revisions, for tests: every commit takes a new
 * revision, all preconditions are checked before anything is written. A test may step in before any
 * commit, refuse it, or make it fail.
 */

import type { MountRecord, MountRecords, MountWrite } from "../../src/barrier/mount_records.ts";
import { VaultError } from "../../src/errors.ts";
import { ABSENT, asRevision } from "../../src/storage/store.ts";

/** `number` counts from 1. Returns "conflict" or "fail" to stop the commit. */
export type CommitHook = (
  number: number,
  writes: readonly MountWrite[],
) => "conflict" | "fail" | void | Promise<"conflict" | "fail" | void>;

export interface MemoryMountRecords extends MountRecords {
  /** Runs before each commit; null: none. Not called for commits made inside it. */
  hook: CommitHook | null;
  commits: number;
  paths(): readonly string[];
  /** Writes past all rules, for example to damage a record. */
  poke(path: string, value: Uint8Array | null): void;
  /** Same records without the hook: what another writer sees. */
  readonly rival: MountRecords;
}

/** A commit of more than `commitMaxWrites` throws. */
export function createMemoryMountRecords(
  commitMaxWrites = Number.MAX_SAFE_INTEGER,
): MemoryMountRecords {
  const records = new Map<string, MountRecord>();
  let revision = 0;
  const sorted = () => [...records.keys()].sort(compareUtf8);

  const apply = (writes: readonly MountWrite[]): boolean => {
    if (writes.length > commitMaxWrites) throw new TypeError("too many writes in one commit");
    const fits = ({ path, expected }: MountWrite) =>
      expected === undefined || (records.get(path)?.revision ?? ABSENT) === expected;
    if (!writes.every(fits)) return false;
    revision += 1;
    for (const { path, value } of writes) {
      if (path === "" || path.endsWith("/")) throw new RangeError(`bad storage path: "${path}"`);
      if (value === null) records.delete(path);
      else records.set(path, { value: value.slice(), revision: asRevision(String(revision)) });
    }
    return true;
  };

  const shared = {
    commitMaxWrites,
    async removeBelow(prefix: string) {
      for (const path of sorted()) if (path.startsWith(prefix)) apply([{ path, value: null }]);
    },
    async get(path: string) {
      await Promise.resolve();
      return records.get(path) ?? null;
    },
    async has(path: string) {
      await Promise.resolve();
      return records.has(path);
    },
    async listChildren(prefix: string) {
      const names = sorted().filter((path) => path.startsWith(prefix)).map((path) => {
        const rest = path.slice(prefix.length);
        const slash = rest.indexOf("/");
        return slash < 0 ? rest : rest.slice(0, slash + 1);
      });
      return [...new Set(names)].sort(compareUtf8);
    },
    async list(prefix: string, after: string, limit: number) {
      return sorted()
        .filter((path) => path.startsWith(prefix) && compareUtf8(path, after) > 0)
        .slice(0, limit);
    },
  };

  return {
    ...shared,
    hook: null,
    commits: 0,
    async commit(writes) {
      await Promise.resolve();
      this.commits += 1;
      const verdict = await this.hook?.(this.commits, writes);
      if (verdict === "conflict") return false;
      if (verdict === "fail") throw new VaultError("store_failed", "the disk is full");
      return apply(writes);
    },
    paths: sorted,
    poke(path, value) {
      apply([{ path, value }]);
    },
    rival: { ...shared, commit: async (writes) => apply(writes) },
  };
}

function compareUtf8(left: string, right: string): number {
  const a = new TextEncoder().encode(left);
  const b = new TextEncoder().encode(right);
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/**
 * Applies one commit after the other. Nobody else writes, so what a commit is computed from stays
 * true until it is applied; the checks prove it, and the epoch proves that nobody else is the owner.
 */

import { VaultError } from "../../errors.ts";
import { ABSENT, asRevision } from "../store.ts";
import type { Commit, CommitOutcome } from "../store.ts";
import type { Kv, KvAtomic, KvEntry } from "./kv.ts";
import { EPOCH_KEY, type Head, headOf, META_KEY, metaOf, recordKey } from "./kv_format.ts";
import type { Owner } from "./kv_owner.ts";
import { type Plan, planWrites } from "./kv_plan.ts";

/** Must be called one at a time. */
export type ApplyCommit = (commit: Commit) => Promise<CommitOutcome>;

export function createCommits(kv: Kv, owner: Owner): ApplyCommit {
  /** A commit may still be on its way, although its caller was told that it failed. */
  let isUnsure = false;

  async function fence(): Promise<void> {
    isUnsure = true;
    await owner.renew();
    isUnsure = false;
  }

  /** `cause` says that a commit failed, and not whether it was applied; the counter says. */
  async function settle(commits: number, cause: unknown): Promise<CommitOutcome> {
    try {
      await fence();
      const { entries: [meta] } = await owner.read([META_KEY]);
      if (meta !== undefined && metaOf(meta).commits === commits) return committed(meta);
    } catch {
      // The first error says more. The next commit begins with a fence.
    }
    throw new VaultError("store_failed", "cannot commit: the database failed", { cause });
  }

  return async (commit) => {
    if (isUnsure) await fence();
    const { meta, epoch, found } = await readBefore(owner, commit);
    const stamps = (commit.expect ?? []).map(({ path }) => found.get(path)?.versionstamp ?? null);
    const unmet = commit.expect?.find(({ revision }, at) => revision !== (stamps[at] ?? ABSENT));
    if (unmet !== undefined) return { kind: "conflict", path: unmet.path };
    const plan = planWrites(metaOf(meta), headsIn(found), commit.writes);
    const atomic = kv.atomic().check({ key: EPOCH_KEY, versionstamp: epoch.versionstamp });
    for (const [at, { path }] of (commit.expect ?? []).entries()) {
      atomic.check({ key: recordKey(path), versionstamp: stamps[at] ?? null });
    }
    return await apply(addChanges(atomic, plan), plan, owner, settle);
  };
}

interface Before {
  readonly epoch: KvEntry;
  readonly meta: KvEntry;
  /** By path. */
  readonly found: ReadonlyMap<string, KvEntry>;
}

async function readBefore(owner: Owner, { expect = [], writes }: Commit): Promise<Before> {
  const paths = [...new Set([...expect, ...writes].map(({ path }) => path))];
  const { epoch, entries } = await owner.read([META_KEY, ...paths.map(recordKey)]);
  const [meta, ...rest] = entries as [KvEntry, ...KvEntry[]];
  return { epoch, meta, found: new Map(paths.map((path, at) => [path, rest[at] as KvEntry])) };
}

function headsIn(found: ReadonlyMap<string, KvEntry>): ReadonlyMap<string, Head> {
  return new Map(
    Array.from(found, ([path, entry]) => [path, headOf(entry)] as const)
      .filter((pair): pair is [string, Head] => pair[1] !== null),
  );
}

function addChanges(atomic: KvAtomic, { meta, sets, deletes }: Plan): KvAtomic {
  atomic.set(META_KEY, meta);
  for (const [key, value] of sets) atomic.set(key, value);
  for (const key of deletes) atomic.delete(key);
  return atomic;
}

async function apply(
  atomic: KvAtomic,
  { meta: { commits } }: Plan,
  owner: Owner,
  settle: (commits: number, cause: unknown) => Promise<CommitOutcome>,
): Promise<CommitOutcome> {
  const outcome = await atomic.commit().catch((cause: unknown) => ({ cause }));
  if ("cause" in outcome) return await settle(commits, outcome.cause);
  if (outcome.ok) return { kind: "committed", revision: asRevision(outcome.versionstamp) };
  await owner.verify();
  throw new VaultError("store_failed", "cannot commit: another program changes the same database");
}

function committed({ versionstamp }: KvEntry): CommitOutcome {
  return { kind: "committed", revision: asRevision(versionstamp ?? "") };
}

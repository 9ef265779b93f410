/** After a rekey and its rewrap the old shares open no record and no byte on the disk. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { REWRAP_BATCH_ENTRIES } from "../../src/limits.ts";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { ceremonyPath } from "../../src/storage/record_paths.ts";
import type { Store, StoredRecord } from "../../src/storage/store.ts";
import { completeCeremony, dataOf, type Holdings, newMemory, type Wish } from "./share_holders.ts";
import { expectRewrapped, expectSecrets, reopen } from "./vault_checks.ts";
import {
  captureKeys,
  expectAlive,
  expectDead,
  expectGone,
  type OldKeys,
  shamirSealOf,
  unsealKeyOf,
} from "./old_keys.ts";
import { copyDatabase, readDatabase } from "./raw_bytes.ts";
import { addWrappedEntries, seedVault, unseal } from "./seeded_vaults.ts";
import { Gone, type Json, newSite, openSession, type Send, type Session } from "./stored_vault.ts";
import { createStopStore } from "./stop_store.ts";

const SHAMIR = { type: "shamir" } as const;
const PLAIN: Wish = { path: "sys/rekey", shares: 3, threshold: 2 };
const VERIFIED: Wish = { ...PLAIN, path: "sys/rotate/root", requireVerification: true };
const SOME = 20;
/** More than one slice of a rewrap. */
const MANY = REWRAP_BATCH_ENTRIES + 10;

const folder = mkdtempSync(join(tmpdir(), "old-shares-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

interface Story {
  readonly file: string;
  readonly store: Store;
  readonly session: Session;
  readonly token: string;
  readonly secrets: ReadonlyMap<string, Json>;
  readonly holdings: Holdings;
}

function newFile(): string {
  files += 1;
  return join(folder, String(files), "vault.db");
}

async function begin(entries = SOME, scrubRebuildMaxBytes?: number): Promise<Story> {
  const file = newFile();
  const store = openNodeSqlite(
    file,
    scrubRebuildMaxBytes === undefined ? {} : { scrubRebuildMaxBytes },
  );
  const seed = await seedVault(newSite(SHAMIR, store));
  const { holdings, token } = seed;
  if (holdings === null) throw new Error("the vault has no shares");
  const session = await reopen(seed.site, holdings, token);
  const secrets = new Map([...seed.secrets, ...await addWrappedEntries(session, entries)]);
  return { file, store, session, token, secrets, holdings };
}

async function rekey({ store, session }: Story, wish: Wish, holdings: Holdings) {
  const old = await captureKeys(store, shamirSealOf(holdings), unsealKeyOf(holdings));
  // Attempts hold shares and the new key, protected only by data keys that a rekey leaves alone.
  const attempts: StoredRecord[] = [];
  const send: Send = async (...request) => {
    const answer = await session.send(...request);
    const attempt = await store.get(ceremonyPath("barrier"));
    if (attempt !== null) attempts.push(attempt);
    return answer;
  };
  const next = await completeCeremony(send, wish, holdings, newMemory());
  expect(attempts.length).toBeGreaterThan(0);
  return { old: { ...old, records: [...old.records, ...attempts] }, next };
}

async function expectDeadAfterRestart(
  { file, store, token, secrets }: Story,
  holdings: Holdings,
  olds: readonly OldKeys[],
): Promise<void> {
  await store.close();
  for (const old of olds) expectGone(readDatabase(file), old);
  const reopened = openNodeSqlite(file);
  for (const old of olds) await expectDead(file, reopened, shamirSealOf(holdings), old);
  const session = await reopen(newSite(SHAMIR, reopened), holdings, token);
  await expectSecrets(session.send, secrets);
  for (const old of olds) await expectDead(file, reopened, shamirSealOf(holdings), old);
  await reopened.close();
}

/** Rewraps until the process dies right after a commit. `left` is a copy of the files then. */
async function dieInRewrap(
  file: string,
  token: string,
  holdings: Holdings,
  atCommit: number,
): Promise<{ readonly left: string; readonly wasHit: boolean }> {
  const inner = openNodeSqlite(file);
  const store = createStopStore(inner, { mode: "stopped_after", atCommit });
  const session = await openSession(newSite(SHAMIR, store), { token, dead: store.dead });
  await unseal(session.send, holdings);
  await session.work().catch((error: unknown) => {
    if (!(error instanceof Gone)) throw error;
  });
  const left = newFile();
  copyDatabase(file, left);
  await inner.close();
  return { left, wasHit: store.wasHit() };
}

describe("replaced shares", () => {
  for (const wish of [PLAIN, VERIFIED]) {
    it(`replaced shares open nothing after ${wish.path}, its rewrap and a restart`, async () => {
      const story = await begin();
      const { file, store, session } = story;
      const { old, next } = await rekey(story, wish, story.holdings);
      await expectAlive(file, store, old);
      await session.work();
      await expectRewrapped(session.send);
      await expectDead(file, store, shamirSealOf(next), old);
      await expectDeadAfterRestart(story, next, [old]);
    });
  }

  it("replaced shares open nothing after two rekeys, the second during a rewrap", async () => {
    const story = await begin(MANY);
    const { file, store, session } = story;
    const first = await rekey(story, PLAIN, story.holdings);
    await session.workOnce();
    const second = await rekey(story, PLAIN, first.next);
    const olds = [first.old, second.old];
    for (const old of olds) await expectAlive(file, store, old);
    await session.work();
    await expectRewrapped(session.send);
    for (const old of olds) await expectDead(file, store, shamirSealOf(second.next), old);
    await expectDeadAfterRestart(story, second.next, olds);
  });

  it("replaced shares open nothing after a restart that does the scrub of a large file", async () => {
    const story = await begin(SOME, 0);
    const { old, next } = await rekey(story, PLAIN, story.holdings);
    await story.session.work();
    await expectRewrapped(story.session.send);
    await story.store.close();
    const store = openNodeSqlite(story.file);
    await expectDead(story.file, store, shamirSealOf(next), old);
    await expectDeadAfterRestart({ ...story, store }, next, [old]);
  });

  it("replaced shares open nothing after a rewrap that died at any of its commits", async () => {
    const story = await begin();
    const { old, next } = await rekey(story, PLAIN, story.holdings);
    for (let atCommit = 1;; atCommit++) {
      const file = newFile();
      copyDatabase(story.file, file);
      const { left, wasHit } = await dieInRewrap(file, story.token, next, atCommit);
      const store = openNodeSqlite(left);
      const session = await reopen(newSite(SHAMIR, store), next, story.token);
      await session.work();
      await expectRewrapped(session.send);
      await expectDead(left, store, shamirSealOf(next), old);
      await store.close();
      if (!wasHit) break;
    }
    await story.store.close();
  });

  it("replaced shares open stale entries when the rewrap was cancelled", async () => {
    const story = await begin();
    const { file, store, session } = story;
    const { old } = await rekey(story, PLAIN, story.holdings);
    dataOf(await session.send("DELETE", "sys/sealwrap/rewrap"));
    await session.work();
    await expectAlive(file, store, old);
    await store.close();
  });

  it("the id of a replaced seal key is gone from the file after the rewrap", async () => {
    const story = await begin();
    const { file, session, store } = story;
    const { old } = await rekey(story, PLAIN, story.holdings);
    expect(readDatabase(file).includes(old.sealKeyId)).toBe(true);
    await session.work();
    expect(readDatabase(file).includes(old.sealKeyId)).toBe(false);
    await store.close();
  });
});

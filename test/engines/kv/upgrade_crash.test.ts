/** Stops the upgrade of a kv mount at each of its commits; every secret must still be there. */

import { describe, expect, it } from "vitest";
import { attemptFlow, type Flow } from "../../crash/flow_runner.ts";
import { dataOf } from "../../crash/share_holders.ts";
import { expectSecrets, reopen } from "../../crash/vault_checks.ts";
import {
  addWrappedEntries,
  type Seed,
  seedVault,
  unseal,
  WRAPPED_MOUNT,
} from "../../crash/seeded_vaults.ts";
import { copySite, type Json, newSite, openSession, type Send } from "../../crash/stored_vault.ts";

/** Together with the seed's own secrets, more than one page. */
const MANY = 210;
const TUNE = `sys/mounts/${WRAPPED_MOUNT}tune`;
const UPGRADE = { options: { version: "2" } };

async function seedMany(): Promise<Seed> {
  const base = await seedVault(newSite({ type: "shamir" }));
  const site = await copySite(base.site);
  const session = await openSession(site, { token: base.token });
  if (base.holdings === null) throw new Error("the seed has no shares");
  await unseal(session.send, base.holdings);
  const added = await addWrappedEntries(session, MANY);
  return { ...base, site, secrets: new Map([...base.secrets, ...added]) };
}

/** The path of a secret once its mount has version 2. */
function versionedPath(path: string): string {
  if (!path.startsWith(WRAPPED_MOUNT)) return path;
  return `${WRAPPED_MOUNT}data/${path.slice(WRAPPED_MOUNT.length)}?version=1`;
}

async function expectWhole(send: Send, secrets: Seed["secrets"]): Promise<boolean> {
  const entry = dataOf(await send("GET", `sys/mounts/${WRAPPED_MOUNT.slice(0, -1)}`));
  const isVersioned = (entry["options"] as Json)["version"] === "2";
  const paths = [...secrets].map(([path, value]) =>
    [isVersioned ? versionedPath(path) : path, value] as const
  );
  await expectSecrets(send, new Map(paths));
  return isVersioned;
}

const seeded = seedMany();

const FLOW: Flow = {
  name: "upgrade of a kv mount",
  seed: () => seeded,
  // The mount with its new storage path, then two pages.
  commits: 3,
  run: async ({ memory, seed: { secrets } }, open) => {
    const { send } = await open();
    memory.install = "in_flight";
    dataOf(await send("PUT", TUNE, UPGRADE));
    memory.install = "done";
    expect(await expectWhole(send, secrets)).toBe(true);
  },
  check: async ({ site, memory, seed: { holdings, token, secrets } }) => {
    const { send } = await reopen(site, holdings, token);
    const isVersioned = await expectWhole(send, secrets);
    if (memory.install === "done") expect(isVersioned).toBe(true);
    dataOf(await send("PUT", TUNE, UPGRADE));
    expect(await expectWhole(send, secrets)).toBe(true);
    const again = await reopen(site, holdings, token);
    expect(await expectWhole(again.send, secrets)).toBe(true);
    const versions = await site.store.list("logical/", "", Number.MAX_SAFE_INTEGER);
    const moved = versions.filter((path) => path.includes("/versions/1/many/"));
    const left = versions.filter((path) => /^logical\/[^/]+\/many\//.test(path));
    expect([moved.length, left.length]).toEqual([MANY, 0]);
  },
};

describe(FLOW.name, () => {
  it("upgrade of a kv mount: the flow completes when nothing stops it", async () => {
    const store = await attemptFlow(FLOW, null, "give_up");
    expect(store.commits()).toBe(FLOW.commits);
  });

  it.each(
    [
      ["is refused and the process ends", "refused", "give_up"],
      ["is refused and the request is sent again", "refused", "send_again"],
      ["and the next are both refused", "refused_twice", "send_again"],
      ["never happens because the process dies", "stopped_before", "give_up"],
      ["is the last act of the process", "stopped_after", "give_up"],
    ] as const,
  )("upgrade of a kv mount: every secret is kept when a commit %s", async (_name, mode, after) => {
    for (let atCommit = 1;; atCommit++) {
      const store = await attemptFlow(FLOW, { mode, atCommit }, after);
      if (store.wasHit()) continue;
      expect(atCommit).toBeGreaterThan(FLOW.commits);
      return;
    }
  }, 60_000);
});

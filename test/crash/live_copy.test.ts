/**
 * A copy of the database file alone, without its log, taken while the vault serves. It may lack the
 * last writes, but it opens, and only with the shares in force.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { completeCeremony, type Holdings, newMemory } from "./share_holders.ts";
import { expectOpens, reopen } from "./vault_checks.ts";
import { initialise, seedVault } from "./seeded_vaults.ts";
import { newSite, openSession } from "./stored_vault.ts";

const SHAMIR = { type: "shamir" } as const;
const WISH = { path: "sys/rekey", shares: 3, threshold: 2 } as const;
const COPY = "require('node:fs').copyFileSync(process.argv[1], process.argv[2])";

const folder = mkdtempSync(join(tmpdir(), "live-copy-"));
afterAll(() => rmSync(folder, { recursive: true }));
let copies = 0;

/** Copies in another process, because closing a handle in this one would drop SQLite's locks. */
function copyFile(file: string): string {
  copies += 1;
  const copy = join(folder, `copy ${copies}`, "vault.db");
  mkdirSync(dirname(copy));
  execFileSync(process.execPath, ["-e", COPY, file, copy]);
  return copy;
}

async function expectCopyOpens(file: string, right: Holdings, wrong: Holdings | null) {
  const store = openNodeSqlite(copyFile(file));
  const site = newSite(SHAMIR, store);
  await reopen(site, right, "");
  await expectOpens(site, right, wrong);
  await store.close();
}

describe("copy of a running vault's database file", () => {
  it("a copy of the database file opens right after init", async () => {
    const file = join(folder, "new", "vault.db");
    const store = openNodeSqlite(file);
    const session = await openSession(newSite(SHAMIR, store));
    const { holdings } = await initialise(session.send, "secret");
    if (holdings === null) throw new Error("the vault has no shares");
    await expectCopyOpens(file, holdings, null);
    await store.close();
  });

  it.each([false, true])(
    "a copy of the database file right after a rekey opens with the new shares only (verified: %s)",
    async (requireVerification) => {
      const file = join(folder, `rekeyed ${requireVerification}`, "vault.db");
      const store = openNodeSqlite(file);
      const { site, holdings, token } = await seedVault(newSite(SHAMIR, store));
      if (holdings === null) throw new Error("the vault has no shares");
      const { send } = await reopen(site, holdings, token);
      const wish = { ...WISH, requireVerification };
      const next = await completeCeremony(send, wish, holdings, newMemory());
      await expectCopyOpens(file, next, holdings);
      await store.close();
    },
  );
});

describe("missing seal configuration", () => {
  it("a store with records but no seal configuration is refused as damaged", async () => {
    const site = newSite(SHAMIR);
    await seedVault(site);
    await site.store.commit({
      writes: [{ path: "core/seal-config", bytes: null, sealKeyId: null }],
    });
    await expect(openSession(site)).rejects.toThrow("put it back from a backup");
  });
});

/**
 * A copy of the database file alone, taken while the vault serves, without the log beside it. It may
 * lack what was written last, but it opens, and only with the shares in force.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, it } from "vitest";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { completeCeremony, type Holdings, newMemory } from "./ceremony.ts";
import { expectOpens, reopen } from "./checks.ts";
import { initialise, seedVault } from "./seeds.ts";
import { newSite, openSession } from "./site.ts";

const SHAMIR = { type: "shamir" } as const;
const WISH = { path: "sys/rekey", shares: 3, threshold: 2 } as const;
const COPY = "require('node:fs').copyFileSync(process.argv[1], process.argv[2])";

const folder = mkdtempSync(join(tmpdir(), "live-copy-"));
afterAll(() => rmSync(folder, { recursive: true }));
let copies = 0;

/** By another process, as an operator does it: closing a handle here would drop SQLite's locks. */
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

describe("a copy of the running vault's database file", () => {
  it("opens right after init", async () => {
    const file = join(folder, "new", "vault.db");
    const store = openNodeSqlite(file);
    const session = await openSession(newSite(SHAMIR, store));
    const { holdings } = await initialise(session.send, "secret");
    if (holdings === null) throw new Error("the vault has no shares");
    await expectCopyOpens(file, holdings, null);
    await store.close();
  });

  it.each([false, true])(
    "opens right after a rekey, with the new shares only (verified: %s)",
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

describe("a store with records, but without its seal configuration", () => {
  it("is refused as damaged, and not taken for a new vault", async () => {
    const site = newSite(SHAMIR);
    await seedVault(site);
    await site.store.commit({
      writes: [{ path: "core/seal-config", bytes: null, sealKeyId: null }],
    });
    await expect(openSession(site)).rejects.toThrow("put it back from a backup");
  });
});

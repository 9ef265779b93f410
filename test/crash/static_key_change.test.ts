/** Once the rewrap after a static key change has ended, the old key opens nothing. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { randomBytes } from "../../src/crypto/random.ts";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { decodeSealConfig } from "../../src/seal/seal_config.ts";
import type { StaticSealSettings } from "../../src/seal/seal_settings.ts";
import { createStaticSeal } from "../../src/seal/static_seal.ts";
import { KEYRING_PATH, SEAL_CONFIG_PATH } from "../../src/storage/record_paths.ts";
import { expectOpens, expectRewrapped, expectSecrets, reopen } from "./vault_checks.ts";
import { captureKeys, expectAlive, expectDead, expectGone } from "./old_keys.ts";
import { readDatabase } from "./raw_bytes.ts";
import { addWrappedEntries, seedVault } from "./seeded_vaults.ts";
import { newSite, openSession } from "./stored_vault.ts";

const K1 = { id: "static-key-one", key: randomBytes(32) };
const K2 = { id: "static-key-two", key: randomBytes(32) };
const BEFORE: StaticSealSettings = { type: "static", current: K1, previous: null };
const CHANGING: StaticSealSettings = { type: "static", current: K2, previous: K1 };
const AFTER: StaticSealSettings = { type: "static", current: K2, previous: null };
const ENTRIES = 20;

const folder = mkdtempSync(join(tmpdir(), "static-key-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Changes the static key of a vault, with or without recovery shares, and checks every stage. */
async function changeKey(file: string, withShares: boolean): Promise<void> {
  const first = openNodeSqlite(file);
  const seed = await seedVault(newSite(BEFORE, first), withShares);
  const { token, holdings } = seed;
  const filled = await reopen(seed.site, null, token);
  const secrets = new Map([...seed.secrets, ...await addWrappedEntries(filled, ENTRIES)]);
  const old = await captureKeys(first, createStaticSeal(BEFORE, randomBytes), K1.key);
  await first.close();

  const second = openNodeSqlite(file);
  const changing = await reopen(newSite(CHANGING, second), null, token);
  await expectSecrets(changing.send, secrets);
  // The configuration names the new key at once, because a migration to another seal will rely on it.
  const config = await second.get(SEAL_CONFIG_PATH);
  expect(decodeSealConfig(config?.bytes ?? new Uint8Array()).sealKeyId).toBe(K2.id);
  expect((await second.get(KEYRING_PATH))?.sealKeyId).toBe(K2.id);
  await expectAlive(file, second, old);
  await changing.work();
  const { inventory } = await expectRewrapped(changing.send);
  expect(inventory).toEqual({ [K2.id]: expect.any(Number) });
  await expectDead(file, second, createStaticSeal(AFTER, randomBytes), old);
  await second.close();
  expectGone(readDatabase(file), old);

  const third = openNodeSqlite(file);
  const alone = newSite(AFTER, third);
  const session = await reopen(alone, null, token);
  await expectSecrets(session.send, secrets);
  await expectDead(file, third, createStaticSeal(AFTER, randomBytes), old);
  if (holdings !== null) await expectOpens(alone, holdings, null);
  expect((await openSession(newSite(BEFORE, third))).vault.status().sealed).toBe(true);
  await third.close();
}

describe("replaced static keys", () => {
  it("a replaced static key opens nothing after the rewrap, and the vault opens without it", async () => {
    await changeKey(join(folder, "with-shares", "vault.db"), true);
  });

  it("a vault without recovery shares no longer needs a replaced static key after the rewrap", async () => {
    await changeKey(join(folder, "without-shares", "vault.db"), false);
  });

  it("a replaced static key is still needed while its rewrap has not run", async () => {
    const site = newSite(BEFORE);
    const { token, secrets } = await seedVault(site);
    await reopen({ ...site, seal: CHANGING }, null, token);
    const session = await openSession({ ...site, seal: AFTER }, { token });
    // Core records move to the new key at once, entries do not.
    expect(session.vault.status().sealed).toBe(false);
    const answers = [...secrets.keys()].map(async (path) =>
      (await session.send("GET", path)).status
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set([200, 500]));
    await session.work();
    const status = await session.send("GET", "sys/sealwrap/rewrap");
    expect(status.body["data"]).toMatchObject({ is_running: false });
    const again = await reopen({ ...site, seal: CHANGING }, null, token);
    await again.work();
    await expectRewrapped(again.send);
    await expectSecrets(again.send, secrets);
  });
});

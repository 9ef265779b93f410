import { describe, expect, it } from "vitest";
import type { Barrier } from "../../src/barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { LOGIN_MOUNTS_PATH, MOUNTS_PATH } from "../../src/storage/record_paths.ts";
import { kvVersion } from "../../src/engines/kv/kv_mount.ts";
import { dataOf } from "../crash/share_holders.ts";
import { expectSecrets, reopen } from "../crash/vault_checks.ts";
import { seedVault } from "../crash/seeded_vaults.ts";
import { type Json, newSite } from "../crash/stored_vault.ts";

const OLD_MEMBERS = ["defaultLeaseSeconds", "maxLeaseSeconds", "forceNoCache"];
const OLD_LOGIN_MEMBERS = [...OLD_MEMBERS, "tokenType", "listingVisibility"];

/** Writes a table as it was before mounts had these settings and their own storage paths. */
async function makeOlder(
  barrier: Barrier,
  path: string,
  members: readonly string[],
): Promise<void> {
  const record = await barrier.get(path);
  if (record === null) throw new Error(`there is no ${path}`);
  const { removing: _removing, ...table } = JSON.parse(decodeUtf8(record.value)) as {
    version: number;
    mounts: Json[];
    removing?: string[];
  };
  const mounts = table.mounts.map(({ dataId: _dataId, upgrade: _upgrade, config, ...mount }) => ({
    ...mount,
    config: Object.fromEntries(
      Object.entries(config as Json).filter(([name]) => members.includes(name)),
    ),
  }));
  expect(JSON.stringify(mounts)).not.toMatch(/dataId|upgrade|auditNonHmac|userLockout/);
  const value = encodeUtf8(JSON.stringify({ ...table, mounts }));
  await barrier.commit({ entries: [{ path, value }] });
}

describe("old mount tables", () => {
  it("mount tables from before these settings read as if none were set, with all data", async () => {
    const { site, holdings, token, secrets } = await seedVault(newSite({ type: "shamir" }));
    const before = await reopen(site, holdings, token);
    dataOf(await before.send("POST", "sys/auth/people", { type: "userpass" }));
    const shown = async (path: string) => dataOf(await before.send("GET", path));
    const expected = [await shown("sys/mounts"), await shown("sys/auth")];
    const { barrier } = before.vault.unsealed();
    await makeOlder(barrier, MOUNTS_PATH, OLD_MEMBERS);
    await makeOlder(barrier, LOGIN_MOUNTS_PATH, OLD_LOGIN_MEMBERS);

    const { send } = await reopen(site, holdings, token);
    const withoutIds = (body: Json) => ({ ...body, request_id: "" });
    const found = [await send("GET", "sys/mounts"), await send("GET", "sys/auth")];
    expect(found.map((answer) => withoutIds(dataOf(answer)))).toEqual(expected.map(withoutIds));
    await expectSecrets(send, secrets);
    dataOf(await send("POST", "sys/mounts/plain/tune", { options: { version: "2" } }));
    const upgraded = dataOf(await send("GET", "plain/data/folder/b"));
    expect(upgraded["data"]).toEqual(secrets.get("plain/folder/b"));
    dataOf(await send("POST", "sys/auth/people/tune", { passthrough_request_headers: "X-A" }));
  });
});

describe("kv version", () => {
  it.each(
    [["2", 2], ["02", 2], ["+2", 2], ["1", 1], ["+1", 1], ["", 1]] as const,
  )("a kv mount with version %j stored has version %i", (version, expected) => {
    expect(kvVersion({ options: { version } })).toBe(expected);
  });
});

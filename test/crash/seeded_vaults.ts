/** Initialised vaults to start crash tests from, with secrets in seal-wrapped and plain mounts. */

import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { MOUNT_DATA_PREFIX } from "../../src/storage/record_paths.ts";
import { completeCeremony, dataOf, type Holdings, newMemory } from "./share_holders.ts";
import {
  copySite,
  type Json,
  openSession,
  type Send,
  type Session,
  type Site,
} from "./stored_vault.ts";

export interface Seed {
  readonly site: Site;
  /** Null if the vault has no recovery shares. */
  readonly holdings: Holdings | null;
  readonly token: string;
  /** The data that each request path, query included, must answer. */
  readonly secrets: ReadonlyMap<string, Json>;
}

export const OLD_SHARES = { shares: 3, threshold: 2 } as const;
export const WRAPPED_MOUNT = "wrapped/";

/** Submits the first `threshold` shares. */
export async function unseal(send: Send, holdings: Holdings): Promise<void> {
  for (const key of holdings.shares.slice(0, holdings.threshold)) {
    dataOf(await send("PUT", "sys/unseal", { key }));
  }
}

/** Initialises with 3 shares and threshold 2, or with no shares. */
export async function initialise(
  send: Send,
  kind: "secret" | "recovery",
  withShares = true,
): Promise<{ readonly holdings: Holdings | null; readonly token: string }> {
  const counts = withShares
    ? { [`${kind}_shares`]: OLD_SHARES.shares, [`${kind}_threshold`]: OLD_SHARES.threshold }
    : {};
  const body = dataOf(await send("PUT", "sys/init", counts));
  const keys = body[kind === "secret" ? "keys" : "recovery_keys"] as readonly string[] | undefined;
  const holdings = keys === undefined ? null : { shares: keys, threshold: OLD_SHARES.threshold };
  return { holdings, token: String(body["root_token"]) };
}

/** Creates a vault on a new site. */
export async function seedVault(site: Site, withShares = true): Promise<Seed> {
  const kind = site.seal.type === "shamir" ? "secret" : "recovery";
  const first = await openSession(site);
  const { holdings, token } = await initialise(first.send, kind, withShares);
  const { vault, send } = await openSession(site, { token });
  if (vault.status().sealed && holdings !== null) await unseal(send, holdings);
  return { site, holdings, token, secrets: await fillMounts(send) };
}

/** Mounts kv versions 1 and 2 with some secrets. Returns what each path must read back as. */
export async function fillMounts(send: Send): Promise<ReadonlyMap<string, Json>> {
  const secrets = new Map<string, Json>();
  const mounts = [
    { path: WRAPPED_MOUNT, type: "kv", seal_wrap: true },
    { path: "plain/", type: "kv", seal_wrap: false },
    { path: "versions/", type: "kv", seal_wrap: true, options: { version: "2" } },
  ];
  for (const { path, ...mount } of mounts) {
    dataOf(await send("POST", `sys/mounts/${path.slice(0, -1)}`, mount));
  }
  for (const mount of [WRAPPED_MOUNT, "plain/"]) {
    for (const name of ["a", "folder/b", "large"]) {
      const value = { name, text: name === "large" ? "x".repeat(9000) : `${mount}${name}` };
      dataOf(await send("PUT", `${mount}${name}`, value));
      secrets.set(`${mount}${name}`, value);
    }
  }
  for (const version of [1, 2, 3]) {
    const data = { version };
    dataOf(await send("PUT", "versions/data/c", { data }));
    secrets.set(`versions/data/c?version=${version}`, data);
  }
  return secrets;
}

/** Adds `count` entries to the seal-wrapped mount, in as few commits as the store allows. */
export async function addWrappedEntries(
  session: Session,
  count: number,
): Promise<ReadonlyMap<string, Json>> {
  const { mounts, barrier } = session.vault.unsealed();
  const mount = mounts.at(WRAPPED_MOUNT);
  if (mount === null) throw new Error("the seed has no seal-wrapped mount");
  const values = Array.from({ length: count }, (_, index) => ({ index }));
  const entries = values.map((value) => ({
    path: `${MOUNT_DATA_PREFIX}${mount.uuid}/many/${value.index}`,
    value: encodeUtf8(JSON.stringify(value)),
    sealWrap: true,
  }));
  while (entries.length > 0) {
    await barrier.commit({ entries: entries.splice(0, barrier.limits.commitMaxWrites) });
  }
  return new Map(values.map((value) => [`${WRAPPED_MOUNT}many/${value.index}`, value]));
}

/**
 * A Shamir vault after a rekey whose rewrap has not run: it has the base's entries, `count` more, and
 * one written since the rekey.
 */
export async function seedPendingRewrap(base: Seed, count: number): Promise<Seed> {
  const site = await copySite(base.site);
  if (base.holdings === null) throw new Error("the seed has no shares");
  const session = await openSession(site, { token: base.token });
  await unseal(session.send, base.holdings);
  const added = await addWrappedEntries(session, count);
  const wish = { path: "sys/rekey", ...OLD_SHARES } as const;
  const holdings = await completeCeremony(session.send, wish, base.holdings, newMemory());
  const later = { is: "written after the rekey" };
  dataOf(await session.send("PUT", `${WRAPPED_MOUNT}later`, later));
  const secrets = new Map([...base.secrets, ...added, [`${WRAPPED_MOUNT}later`, later] as const]);
  return { site, holdings, token: base.token, secrets };
}

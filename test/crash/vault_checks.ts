/** Checks of what must hold for whatever a stopped process leaves behind. */

import { expect } from "vitest";
import { dataOf, type Holdings } from "./share_holders.ts";
import { unseal } from "./seeded_vaults.ts";
import {
  copySite,
  type Json,
  openSession,
  type Send,
  type Session,
  type Site,
} from "./stored_vault.ts";

/** Opens the vault anew, with shares if the seal needs them. */
export async function reopen(
  site: Site,
  holdings: Holdings | null,
  token: string,
): Promise<Session> {
  const session = await openSession(site, { token });
  if (session.vault.status().sealed && holdings !== null) await unseal(session.send, holdings);
  expect(session.vault.status().sealed).toBe(false);
  return session;
}

/** Checks that `right` opens the vault, `wrong` does not, and seal-status has the right counts. */
export async function expectOpens(
  site: Site,
  right: Holdings,
  wrong: Holdings | null,
): Promise<void> {
  const session = await openSession(await copySite(site));
  // A static seal opens by itself; after sealing by request it asks for the recovery shares.
  await session.vault.seal();
  const status = await session.send("GET", "sys/seal-status");
  expect(status.body).toMatchObject({
    initialized: true,
    sealed: true,
    t: right.threshold,
    n: right.shares.length,
  });
  if (wrong !== null) {
    const last = (await submitAll(session.send, wrong, right.threshold)).at(-1);
    expect(last).toBe(400);
    expect(session.vault.status().sealed).toBe(true);
    dataOf(await session.send("PUT", "sys/unseal", { reset: true }));
  }
  expect(new Set(await submitAll(session.send, right, right.threshold))).toEqual(new Set([200]));
  expect(session.vault.status().sealed).toBe(false);
}

async function submitAll(send: Send, holdings: Holdings, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (const key of holdings.shares.slice(0, count)) {
    statuses.push((await send("PUT", "sys/unseal", { key })).status);
  }
  return statuses;
}

/** Checks that every secret reads back over HTTP. */
export async function expectSecrets(
  send: Send,
  secrets: ReadonlyMap<string, Json>,
): Promise<void> {
  const paths = [...secrets.keys()];
  const answers = await Promise.all(paths.map((path) => send("GET", path)));
  const found = new Map(answers.map((answer, index) => {
    const path = paths[index] ?? "";
    const data = dataOf(answer);
    return [path, path.includes("?version=") ? data["data"] : data] as const;
  }));
  expect(found).toEqual(secrets);
}

/** Checks that the last run ended without failures and that one seal key wraps everything. */
export async function expectRewrapped(send: Send): Promise<Json> {
  const answer = await send("GET", "sys/sealwrap/rewrap?detail=true&inventory=true");
  const data = dataOf(answer);
  expect(data).toMatchObject({ is_running: false, entries: { failed: 0 } });
  expect(Object.keys(data["inventory"] as Json)).toHaveLength(1);
  return data;
}

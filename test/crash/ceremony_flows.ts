/** Flows of ceremonies: after a stop the right shares open the vault and the ceremony completes. */

import { expect } from "vitest";
import { decodeBase64, encodeHex } from "../../src/crypto/bytes.ts";
import { type Attempt, type Flow, isInForce } from "./flow_runner.ts";
import {
  completeCeremony,
  dataOf,
  type Holdings,
  type Memory,
  type PgpHolder,
  type Wish,
} from "./share_holders.ts";
import { expectOpens, expectRewrapped, expectSecrets, reopen } from "./vault_checks.ts";
import type { Seed } from "./seeded_vaults.ts";
import type { Send, Session } from "./stored_vault.ts";

const NOBODY: Holdings = { shares: [], threshold: 0 };

/** A ceremony from its start to the new key. */
export function ceremonyFlow(
  name: string,
  seed: () => Promise<Seed>,
  commits: number,
  wish: Wish,
): Flow {
  return {
    name,
    seed,
    commits,
    run: async ({ seed: { holdings }, memory }, open) => {
      const { send } = await open();
      await completeCeremony(send, wish, holdings ?? NOBODY, memory);
    },
    check: (attempt) => checkCeremony(attempt, wish),
  };
}

/** A ceremony that sealing by request cuts off. */
export function sealFlow(name: string, seed: () => Promise<Seed>, wish: Wish): Flow {
  return {
    name,
    seed,
    commits: 3,
    run: async ({ seed: { holdings } }, open) => {
      const { send } = await open();
      const counts = { secret_shares: wish.shares, secret_threshold: wish.threshold };
      const { nonce } = dataOf(await send("PUT", `${wish.path}/init`, counts));
      const key = holdings?.shares[0];
      dataOf(await send("PUT", `${wish.path}/update`, { key, nonce }));
      dataOf(await send("PUT", "sys/seal"));
    },
    check: (attempt) => checkCeremony(attempt, wish),
  };
}

async function checkCeremony(attempt: Attempt, wish: Wish): Promise<void> {
  const { site, memory, recorded, seed: { holdings: old, token, secrets } } = attempt;
  const split = recorded.lastSplit(wish.shares, wish.threshold);
  const made = split === null ? null : { shares: split, threshold: wish.threshold };
  // A seal that keeps the key itself makes no shares; the old ones stay.
  if (memory.next !== null && memory.next !== old) expect(memory.next).toEqual(made);
  const isNew = isInForce(attempt) && made !== null;
  const [right, wrong] = isNew ? [made, old] : [old, made];
  if (right !== null) await expectOpens(site, right, wrong);

  const session = await reopen(site, right, token);
  await expectSecrets(session.send, secrets);
  if (isNew && wish.pgp !== undefined) await expectBackup(session, wish.pgp, made);
  await expectProgress(session.send, wish, memory, isInForce(attempt));
  const final = await completeCeremony(session.send, wish, right ?? NOBODY, { ...memory });
  await session.work();
  await expectRewrapped(session.send);
  await expectOpens(site, final, right === final ? null : right);
  await expectSecrets((await reopen(site, final, token)).send, secrets);
}

/** Checks that no acknowledged share is forgotten and nothing is left of a finished ceremony. */
async function expectProgress(
  send: Send,
  { path }: Wish,
  { gathered, verified, next }: Memory,
  isEnded: boolean,
): Promise<void> {
  const status = dataOf(await send("GET", `${path}/init`));
  if (isEnded) return expect(status["started"]).toBe(false);
  if (next !== null) {
    const verification = dataOf(await send("GET", `${path}/verify`));
    expect(verification["started"]).toBe(true);
    expect(Number(verification["progress"])).toBeGreaterThanOrEqual(verified);
    return;
  }
  // Otherwise the new shares were lost with their answer, so nobody can verify them.
  const isGathering = status["started"] === true && (status["verification_nonce"] ?? "") === "";
  if (isGathering) expect(Number(status["progress"])).toBeGreaterThanOrEqual(gathered);
}

async function expectBackup(
  { send }: Session,
  holder: PgpHolder,
  made: Holdings | null,
): Promise<void> {
  const backup = dataOf(await send("GET", "sys/rekey/backup"));
  const [messages = []] = Object.values(backup["keys_base64"] as Record<string, string[]>);
  const shares = messages.map((message) =>
    holder.decrypt(encodeHex(decodeBase64(message) ?? new Uint8Array()))
  );
  expect(await Promise.all(shares)).toEqual(made?.shares);
}

/** Flows of what else changes keys: init, unseal, rotations, a changed static key, a rewrap. */

import { expect } from "vitest";
import { type Flow, isInForce, sendInstalling } from "./flow_runner.ts";
import { dataOf, type Holdings, newMemory } from "./share_holders.ts";
import { expectOpens, expectRewrapped, expectSecrets, reopen } from "./vault_checks.ts";
import { initialise, OLD_SHARES, type Seed } from "./seeded_vaults.ts";
import { type Json, openSession, type Site } from "./stored_vault.ts";

export function initFlow(
  name: string,
  kind: "secret" | "recovery",
  seed: () => Promise<Seed>,
): Flow {
  return {
    name,
    seed,
    commits: 1,
    run: async ({ memory }, open) => {
      const { send } = await open();
      memory.install = "in_flight";
      memory.next = (await initialise(send, kind)).holdings;
      memory.install = "done";
    },
    check: async (attempt) => {
      const { site, memory, recorded } = attempt;
      const { send } = await openSession(site);
      const initialized = isInForce(attempt);
      expect((await send("GET", "sys/init")).body).toEqual({ initialized });
      const { shares, threshold } = OLD_SHARES;
      const split = recorded.lastSplit(shares, threshold);
      const made = split === null ? null : { shares: split, threshold };
      if (memory.next !== null) expect(memory.next).toEqual(made);
      if (initialized) {
        expect((await send("PUT", "sys/init", {})).status).toBe(400);
        return await expectOpens(site, required(made), null);
      }
      const again = await initialise(send, kind);
      await expectOpens(site, required(again.holdings), made);
      const open = await reopen(site, again.holdings, again.token);
      dataOf(await open.send("GET", "auth/token/lookup-self"));
    },
  };
}

function required(holdings: Holdings | null): Holdings {
  if (holdings === null) throw new Error("there are no shares");
  return holdings;
}

export function unsealFlow(name: string, seed: () => Promise<Seed>): Flow {
  return {
    name,
    seed,
    commits: 0,
    run: async (_attempt, open) => void await open(),
    check: ({ site, seed }) => expectOpens(site, required(seed.holdings), null),
  };
}

/** A flow of one request that changes no shares. */
export function rotationFlow(name: string, seed: () => Promise<Seed>, path: string): Flow {
  const termsAdded = path === "sys/rotate/keyring" ? 1 : 0;
  return {
    name,
    seed,
    commits: 1,
    run: async ({ memory }, open) => await sendInstalling((await open()).send, memory, path),
    check: async (attempt) => {
      const { site, seed: { holdings, token, secrets } } = attempt;
      await expectOpens(site, required(holdings), null);
      const { send } = await reopen(site, holdings, token);
      await expectSecrets(send, secrets);
      const term = async () => dataOf(await send("GET", "sys/key-status"))["term"];
      const found = 1 + (isInForce(attempt) ? termsAdded : 0);
      expect(await term()).toBe(found);
      await sendInstalling(send, newMemory(), path);
      expect(await term()).toBe(found + termsAdded);
      const later = { is: "written" };
      dataOf(await send("PUT", "wrapped/later", later));
      const again = await reopen(site, holdings, token);
      await expectSecrets(again.send, new Map([...secrets, ["wrapped/later", later]]));
    },
  };
}

/** The seed's site has a new current key and the old one as its previous key. */
export function keyChangeFlow(name: string, seed: () => Promise<Seed>): Flow {
  return {
    name,
    seed,
    commits: 5,
    run: async ({ site }, open) => {
      const session = await open();
      for (let attempt = 0; attempt < 3 && session.vault.status().sealed; attempt++) {
        site.nowMs += 10_000;
        await session.send("GET", "sys/seal-status");
      }
      await session.work();
    },
    check: async ({ site, seed: { holdings, token, secrets } }) => {
      if (site.seal.type !== "static") throw new Error("the seed has no static seal");
      await expectOpens(site, required(holdings), null);
      const session = await reopen(site, null, token);
      await expectSecrets(session.send, secrets);
      await session.work();
      const { inventory } = await expectRewrapped(session.send);
      expect(inventory).toEqual({ [site.seal.current.id]: expect.any(Number) });
      const alone: Site = { ...site, seal: { ...site.seal, previous: null } };
      await expectSecrets((await reopen(alone, null, token)).send, secrets);
      await expectOpens(alone, required(holdings), null);
    },
  };
}

/** The seed's rewrap has not run yet. */
export function rewrapFlow(name: string, seed: () => Promise<Seed>): Flow {
  return {
    name,
    seed,
    commits: 5,
    run: async (_attempt, open) => await (await open()).work(),
    check: async ({ site, seed: { holdings, token, secrets } }) => {
      await expectOpens(site, required(holdings), null);
      const session = await reopen(site, holdings, token);
      await expectSecrets(session.send, secrets);
      await session.work();
      const { entries, run } = await expectRewrapped(session.send);
      const { result, total } = run as Json;
      expect(result).toBe("completed");
      // Each entry is counted once, however often the run was interrupted.
      expect(entries).toEqual({ processed: total, succeeded: total, failed: 0 });
      expect(total).toBeGreaterThanOrEqual(secrets.size);
      await expectSecrets((await reopen(site, holdings, token)).send, secrets);
    },
  };
}

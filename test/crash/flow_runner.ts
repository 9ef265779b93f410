/**
 * Runs a flow on a store that stops, and checks what is left. A flow says how a vault is used and what
 * must hold for whatever a stopped process leaves.
 */

import { dataOf, type Memory, newMemory } from "./share_holders.ts";
import { type RecordedRandom, recordRandom } from "./recorded_random.ts";
import { type Seed, unseal } from "./seeded_vaults.ts";
import { copySite, Gone, openSession, type Send, type Session, type Site } from "./stored_vault.ts";
import { createStopStore, type Stop, type StopStore } from "./stop_store.ts";

export interface Attempt {
  readonly seed: Seed;
  /** What survives: the store below the one that stops. */
  readonly site: Site;
  readonly stop: Stop | null;
  readonly memory: Memory;
  readonly recorded: RecordedRandom;
}

export interface Flow {
  readonly name: string;
  readonly seed: () => Promise<Seed>;
  /** Commits of an undisturbed run. */
  readonly commits: number;
  /** `open` starts the process and unseals if that needs shares. */
  readonly run: (attempt: Attempt, open: () => Promise<Session>) => Promise<void>;
  /** Runs after the process has ended, in whatever way. */
  readonly check: (attempt: Attempt) => Promise<void>;
}

/** What the caller does after a refused commit. */
export type AfterRefusal = "give_up" | "send_again";

const SENDS_MAX = 3;

/** Runs the flow on a copy of its seed until it ends or is stopped, then checks what is left. */
export async function attemptFlow(
  flow: Flow,
  stop: Stop | null,
  afterRefusal: AfterRefusal,
): Promise<StopStore> {
  const seed = await flow.seed();
  const site = await copySite(seed.site);
  const store = createStopStore(site.store, stop);
  const attempt: Attempt = {
    seed,
    site,
    stop,
    memory: newMemory(),
    recorded: recordRandom(),
  };
  const running: Site = { ...site, store };
  try {
    await flow.run(
      { ...attempt, site: running },
      () => openRunning(attempt, running, store, afterRefusal),
    );
  } catch (error) {
    const isGivenUp = !(error instanceof Gone) && afterRefusal === "give_up" && store.wasHit();
    if (!(error instanceof Gone) && !isGivenUp) throw error;
  }
  site.nowMs = running.nowMs;
  await flow.check(attempt);
  return store;
}

async function openRunning(
  { seed: { token, holdings }, recorded }: Attempt,
  site: Site,
  store: StopStore,
  afterRefusal: AfterRefusal,
): Promise<Session> {
  const session = await openSession(site, { token, random: recorded.random, dead: store.dead });
  const send: Send = async (...request) => {
    for (let sent = 1;; sent++) {
      const answer = await session.send(...request);
      const isOver = answer.status !== 500 || sent === SENDS_MAX;
      if (afterRefusal === "give_up" || isOver) return answer;
    }
  };
  if (holdings !== null && session.vault.status().sealed) await unseal(send, holdings);
  return { ...session, send };
}

/** Whether the request that installs something new has done so, with or without an answer. */
export function isInForce({ memory, stop }: Attempt): boolean {
  return memory.install === "done" ||
    (memory.install === "in_flight" && stop?.mode === "stopped_after");
}

/** Sends the only request of a flow. */
export async function sendInstalling(send: Send, memory: Memory, path: string): Promise<void> {
  memory.install = "in_flight";
  dataOf(await send("PUT", path, {}));
  memory.install = "done";
}

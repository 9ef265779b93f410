/**
 * One run of a flow on a store that stops, and what holds afterwards. A flow says how a vault is
 * driven and what must be true of whatever it leaves.
 */

import { dataOf, type Memory, newMemory } from "./ceremony.ts";
import { type RecordedRandom, recordRandom } from "./recorded_random.ts";
import { type Seed, unseal } from "./seeds.ts";
import { copySite, Gone, openSession, type Send, type Session, type Site } from "./site.ts";
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
  /** `open` starts the process and, where it needs shares, unseals. */
  readonly run: (attempt: Attempt, open: () => Promise<Session>) => Promise<void>;
  /** Runs when the process has ended, however it did. */
  readonly check: (attempt: Attempt) => Promise<void>;
}

/** What becomes of a flow whose commit was refused. */
export type AfterRefusal = "give_up" | "send_again";

const SENDS_MAX = 3;

/** Runs the flow on a copy of its seed until it ends or is stopped, and checks what is left. */
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

/** Whether the request that puts something new in force has done so, answered or not. */
export function isInForce({ memory, stop }: Attempt): boolean {
  return memory.install === "done" ||
    (memory.install === "in_flight" && stop?.mode === "stopped_after");
}

/** Sends the one request of a flow that has only one. */
export async function sendInstalling(send: Send, memory: Memory, path: string): Promise<void> {
  memory.install = "in_flight";
  dataOf(await send("PUT", path, {}));
  memory.install = "done";
}

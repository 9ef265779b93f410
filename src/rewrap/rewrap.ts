/**
 * Moves every seal-wrapped entry to the current seal key, in slices. The job is stored with each
 * slice, so an eviction, a restart or a seal only interrupts it. The vault calls `runSlice`
 * whenever the job is due, one call at a time.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { type Change, joinChanges } from "../barrier/change.ts";
import { type RandomBytes, randomUuid } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { previousKeysRecord } from "../seal/previous_keys.ts";
import type { Seal } from "../seal/seal.ts";
import { duePath, REWRAP_PATH } from "../storage/record_paths.ts";
import { ABSENT, type Expectation, type Store, type Write } from "../storage/store.ts";
import { encodeDueTime } from "../storage/due.ts";
import type { Log } from "../log.ts";
import { rewrapSlice, type Slice, withoutEntry } from "./slice.ts";
import {
  decodeRewrapJob,
  encodeRewrapJob,
  isActive,
  type RewrapJob,
  type RewrapReason,
  type RewrapRun,
} from "./job.ts";
import {
  advanceRun,
  beginRun,
  closeStaleKey,
  countRun,
  dueTimeMs,
  finishRun,
  nextStaleKey,
  passedTenth,
  pauseRun,
  retarget,
} from "./plan.ts";
import { SEAL_KINDS } from "../seal/kinds.ts";

export const REWRAP_DUE_PATH: string = duePath("rewrap");

export interface RewrapPorts {
  readonly store: Store;
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly log: Log;
  readonly seal: () => Seal;
  /** Installs a seal without the previous keys that nothing needs any more. */
  readonly installSeal: (seal: Seal) => void;
}

interface StoredJob {
  readonly job: RewrapJob;
  readonly expect: Expectation;
}

export class Rewrap {
  readonly #ports: RewrapPorts;

  constructor(ports: RewrapPorts) {
    this.#ports = ports;
  }

  async job(): Promise<RewrapJob> {
    return (await this.#read()).job;
  }

  /**
   * The records that start a run towards `targetKeyId`. They replace an active run; the new one
   * visits what the old one had left.
   */
  prepareStart(reason: RewrapReason, targetKeyId: string, startedBy: string | null): Change {
    const { random, nowMs } = this.#ports;
    const runId = randomUuid(random);
    const job = beginRun({ runId, reason, targetKeyId, startedBy, nowMs: nowMs() });
    return this.#records(job);
  }

  /** Starts a run. `already_running` leaves the active one as it is. */
  async start(
    reason: RewrapReason,
    startedBy: string | null,
  ): Promise<"started" | "already_running"> {
    const stored = await this.#read();
    if (isActive(stored.job)) return "already_running";
    const start = this.prepareStart(reason, this.#ports.seal().keyId, startedBy);
    await this.#commit(start, stored.expect);
    return "started";
  }

  /** Ends an active run. This is harmless: every entry opens under the key it names. */
  async cancel(): Promise<void> {
    const stored = await this.#read();
    if (!isActive(stored.job)) return;
    await this.#store(finishRun(stored.job.run, this.#ports.nowMs(), "cancelled"), stored.expect);
    this.#ports.log.info("seal.rewrap: seal re-wrap cancelled");
  }

  /** Runs a bounded slice of the active run. Resolves to the time the next one is due, or null. */
  async runSlice(): Promise<number | null> {
    const { nowMs } = this.#ports;
    const stored = await this.#read();
    if (!isActive(stored.job)) {
      await this.#clearDue();
      return null;
    }
    const due = dueTimeMs(stored.job, nowMs());
    if (due !== null && due > nowMs()) return due;
    try {
      return await this.#advance(stored.job.run, stored.expect);
    } catch (error) {
      this.#ports.log.warn("seal.rewrap: slice failed", { error: errorClass(error) });
      const paused = pauseRun(stored.job, nowMs());
      await this.#store(paused, stored.expect);
      if (paused.phase === "finished") this.#logEnd(paused.run, paused.result);
      return dueTimeMs(paused, nowMs());
    }
  }

  /** Logs that an interrupted run goes on. To be called after an unseal. */
  async logResumption(): Promise<void> {
    const { job } = await this.#read();
    if (!isActive(job) || !job.run.counted) return;
    const { processed, total, cursor } = job.run;
    this.#ports.log.info(
      `seal.rewrap: seal re-wrap resumed: cursor=${
        cursor ?? 0
      } processed=${processed} total=${total}`,
    );
  }

  async #advance(run: RewrapRun, expect: Expectation): Promise<number | null> {
    const { store, barrier, nowMs, seal } = this.#ports;
    let current = retarget(run, seal().keyId);
    let staleKeyId = current.staleKeyId;
    if (staleKeyId === null) {
      const counts = await store.sealKeyCounts();
      current = countRun(current, counts);
      if (!run.counted) this.#logStart(current);
      staleKeyId = nextStaleKey(current, counts);
    }
    if (staleKeyId === null) {
      await this.#finish(current, expect);
      return null;
    }
    const cursor = current.staleKeyId === null ? null : current.cursor;
    const next = await barrier.withOuter(async (outer) => {
      const slice = await rewrapSlice(store, outer, staleKeyId, cursor, nowMs());
      if (slice.exhausted) {
        const closed: RewrapJob = { phase: "running", run: closeStaleKey(current, staleKeyId) };
        await this.#storeHeld(closed, expect);
        return closed;
      }
      return await this.#commitSlice(current, slice, expect);
    });
    if (next.phase === "running" && passedTenth(current, next.run)) this.#logProgress(next.run);
    return dueTimeMs(next, nowMs());
  }

  /** Commits values, cursor and counters together. Entries that changed meanwhile drop out. */
  async #commitSlice(run: RewrapRun, first: Slice, expect: Expectation): Promise<RewrapJob> {
    const { barrier } = this.#ports;
    for (let slice = first;;) {
      const advanced = advanceRun(run, {
        staleKeyId: slice.staleKeyId,
        cursor: slice.cursor,
        rewrapped: slice.writes.length,
        failures: slice.failures,
      });
      const job: RewrapJob = { phase: "running", run: advanced };
      const outcome = await barrier.commitHeld({
        entries: [{ path: REWRAP_PATH, value: encodeRewrapJob(job) }],
        writes: [...slice.writes, this.#dueWrite(job)],
        expect: [expect, ...slice.expect],
      });
      if (outcome.kind === "committed") {
        for (const failure of slice.failures) {
          this.#ports.log.warn(
            `seal.rewrap: entry failed: key=${failure.path} error=${failure.error}`,
          );
        }
        return job;
      }
      if (outcome.path === REWRAP_PATH) throw conflict();
      slice = withoutEntry(slice, outcome.path);
    }
  }

  /** Erases previous keys and old bytes before it ends the run, so that a stop repeats the rest. */
  async #finish(run: RewrapRun, expect: Expectation): Promise<void> {
    await this.#erasePreviousKeys(expect);
    const logScrub = await this.#scrub();
    const job = finishRun(run, this.#ports.nowMs());
    await this.#store(job, expect);
    if (job.phase === "finished") this.#logEnd(job.run, job.result);
    logScrub();
  }

  /** Erases previous keys that wrap nothing. Those of a static seal are the operator's. */
  async #erasePreviousKeys(expect: Expectation): Promise<void> {
    const { barrier, store, seal, installSeal } = this.#ports;
    await barrier.exclusively(async () => {
      const counts = await store.sealKeyCounts();
      const kept = seal().previous.filter((key) => counts.has(key.id));
      if (!SEAL_KINDS[seal().type].keepsPreviousKeys || kept.length === seal().previous.length) {
        return;
      }
      const next = seal().withPrevious(kept);
      const outcome = await barrier.commitHeld({
        writes: [await previousKeysRecord(next)],
        expect: [expect],
      });
      if (outcome.kind === "conflict") throw conflict();
      installSeal(next);
    });
  }

  /** Returns a function that logs the outcome. The run ends even if the scrub fails. */
  async #scrub(): Promise<() => void> {
    const { store, log } = this.#ports;
    try {
      const outcome = await store.scrub();
      if (outcome === "done") return () => {};
      const left = outcome === "deferred"
        ? "are removed at the next start"
        : "remain: this store cannot remove them";
      return () => log.info(`seal.rewrap: old bytes in free space ${left}`);
    } catch (error) {
      const fields = { error: errorClass(error) };
      return () => log.warn("seal.rewrap: old bytes in free space could not be removed", fields);
    }
  }

  async #read(): Promise<StoredJob> {
    const record = await this.#ports.barrier.get(REWRAP_PATH);
    if (record === null) {
      return { job: { phase: "idle" }, expect: { path: REWRAP_PATH, revision: ABSENT } };
    }
    const expect = { path: REWRAP_PATH, revision: record.revision };
    return { job: decodeRewrapJob(record.value), expect };
  }

  async #commit(change: Change, expect: Expectation): Promise<void> {
    const outcome = await this.#ports.barrier.commit(joinChanges(change, { expect: [expect] }));
    if (outcome.kind === "conflict") throw conflict();
  }

  async #store(job: RewrapJob, expect: Expectation): Promise<void> {
    await this.#commit(this.#records(job), expect);
  }

  async #storeHeld(job: RewrapJob, expect: Expectation): Promise<void> {
    const change = joinChanges(this.#records(job), { expect: [expect] });
    const outcome = await this.#ports.barrier.commitHeld(change);
    if (outcome.kind === "conflict") throw conflict();
  }

  #records(job: RewrapJob): Change {
    return {
      entries: [{ path: REWRAP_PATH, value: encodeRewrapJob(job) }],
      writes: [this.#dueWrite(job)],
    };
  }

  async #clearDue(): Promise<void> {
    const write = { path: REWRAP_DUE_PATH, bytes: null, sealKeyId: null };
    await this.#ports.store.commit({ writes: [write] });
  }

  #dueWrite(job: RewrapJob): Write {
    const due = dueTimeMs(job, this.#ports.nowMs());
    const bytes = due === null ? null : encodeDueTime(due);
    return { path: REWRAP_DUE_PATH, bytes, sealKeyId: null };
  }

  #logStart(run: RewrapRun): void {
    const { reason, total } = run;
    this.#ports.log.info(`seal.rewrap: seal re-wrap started: reason=${reason} total=${total}`);
  }

  #logProgress(run: RewrapRun): void {
    const { processed, succeeded, failed, total } = run;
    this.#ports.log.info(
      `seal.rewrap: seal re-wrap progress: processed=${processed} succeeded=${succeeded} ` +
        `failed=${failed} total=${total}`,
    );
  }

  #logEnd(run: RewrapRun, result: string): void {
    const { succeeded, failed, processed } = run;
    const line = `seal.rewrap: seal re-wrap completed: entry processing stats: ` +
      `succeeded=${succeeded} failed=${failed} total=${processed}`;
    if (result === "completed") this.#ports.log.info(line);
    else this.#ports.log.warn(line, { result });
  }
}

function conflict(): VaultError {
  return new VaultError("store_conflict", "the rewrap job was changed by another writer");
}

/** The error code for the log, because messages could quote data. */
function errorClass(error: unknown): string {
  return error instanceof VaultError ? error.code : "internal";
}

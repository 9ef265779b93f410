/**
 * The rewrap's decisions, without I/O: how a run begins, what comes next, how a slice changes the
 * counters, and when a failing run is retried or given up.
 */

import {
  REWRAP_FAILURES_MAX,
  REWRAP_GIVE_UP_MS,
  REWRAP_PAUSE_MAX_MS,
  REWRAP_PAUSE_MS,
  REWRAP_RETRY_DELAYS_MS,
} from "../limits.ts";
import type { RewrapFailure, RewrapJob, RewrapReason, RewrapResult, RewrapRun } from "./job.ts";

export interface RunStart {
  readonly runId: string;
  readonly reason: RewrapReason;
  readonly targetKeyId: string;
  readonly startedBy: string | null;
  readonly nowMs: number;
}

/** A new run, which has not been counted: its first slice does that, after the starting commit. */
export function beginRun(start: RunStart): RewrapJob {
  return {
    phase: "running",
    run: {
      runId: start.runId,
      reason: start.reason,
      targetKeyId: start.targetKeyId,
      startedAtMs: start.nowMs,
      startedBy: start.startedBy,
      counted: false,
      processed: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      total: 0,
      failures: [],
      staleKeyId: null,
      cursor: null,
      visitedKeyIds: [],
    },
  };
}

/** Counts entries that are already under the target key as done, because the index knows them. */
export function countRun(run: RewrapRun, counts: ReadonlyMap<string, number>): RewrapRun {
  if (run.counted) return run;
  let total = 0;
  for (const count of counts.values()) total += count;
  const skipped = counts.get(run.targetKeyId) ?? 0;
  return { ...run, counted: true, processed: skipped, succeeded: skipped, skipped, total };
}

/** Directs the run at the current seal key. Keys visited for another target no longer count. */
export function retarget(run: RewrapRun, targetKeyId: string): RewrapRun {
  if (run.targetKeyId === targetKeyId) return run;
  return { ...run, targetKeyId, staleKeyId: null, cursor: null, visitedKeyIds: [] };
}

/** The stale key to work on next; null if all were visited. */
export function nextStaleKey(
  run: RewrapRun,
  counts: ReadonlyMap<string, number>,
): string | null {
  const open = [...counts.keys()].filter((keyId) =>
    keyId !== run.targetKeyId && !run.visitedKeyIds.includes(keyId)
  );
  return open.sort()[0] ?? null;
}

export interface SliceResult {
  readonly staleKeyId: string;
  readonly cursor: string | null;
  readonly rewrapped: number;
  readonly failures: readonly RewrapFailure[];
}

export function advanceRun(run: RewrapRun, slice: SliceResult): RewrapRun {
  const failed = slice.failures.length;
  return {
    ...run,
    staleKeyId: slice.staleKeyId,
    cursor: slice.cursor,
    processed: run.processed + slice.rewrapped + failed,
    succeeded: run.succeeded + slice.rewrapped,
    failed: run.failed + failed,
    failures: [...run.failures, ...slice.failures].slice(0, REWRAP_FAILURES_MAX),
  };
}

/** The run after the last entry of a stale key. The next slice picks another key. */
export function closeStaleKey(run: RewrapRun, keyId: string): RewrapRun {
  return { ...run, staleKeyId: null, cursor: null, visitedKeyIds: [...run.visitedKeyIds, keyId] };
}

export function finishRun(run: RewrapRun, nowMs: number, result?: RewrapResult): RewrapJob {
  const natural = run.failed === 0 ? "completed" : "completed_with_failures";
  return { phase: "finished", run, result: result ?? natural, finishedAtMs: nowMs };
}

/** The job after a slice that failed as a whole: paused, or finished as `interrupted`. */
export function pauseRun(
  job: Extract<RewrapJob, { phase: "running" | "paused" }>,
  nowMs: number,
): RewrapJob {
  const attempt = job.phase === "paused" ? job.attempt + 1 : 1;
  const pausedAtMs = job.phase === "paused" ? job.pausedAtMs : nowMs;
  if (nowMs - pausedAtMs >= REWRAP_GIVE_UP_MS) return finishRun(job.run, nowMs, "interrupted");
  const doublings = Math.max(0, attempt - 1 - REWRAP_RETRY_DELAYS_MS.length);
  const pause = Math.min(REWRAP_PAUSE_MS * 2 ** Math.min(doublings, 8), REWRAP_PAUSE_MAX_MS);
  const delayMs = REWRAP_RETRY_DELAYS_MS[attempt - 1] ?? pause;
  return { phase: "paused", run: job.run, attempt, pausedAtMs, untilMs: nowMs + delayMs };
}

/** When the alarm must fire for this job; null if it has nothing to do. */
export function dueTimeMs(job: RewrapJob, nowMs: number): number | null {
  switch (job.phase) {
    case "running":
      return nowMs;
    case "paused":
      return job.untilMs;
    default:
      return null;
  }
}

/** Whether to log progress: at each tenth of the entries. */
export function passedTenth(before: RewrapRun, after: RewrapRun): boolean {
  if (after.total === 0) return false;
  const tenth = (run: RewrapRun) => Math.floor((run.processed * 10) / run.total);
  return tenth(after) > tenth(before) && tenth(after) < 10;
}

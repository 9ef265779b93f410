/**
 * The rewrap job: what is stored about the current or the last run. Counters are Vault's: `processed`
 * are entries brought to an outcome, `succeeded` are now under the target key (also those that were
 * already), `failed` could not be.
 */

import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";

export type RewrapReason = "manual" | "rekey" | "seal_key_change";
export type RewrapResult =
  | "completed"
  | "completed_with_failures"
  | "cancelled"
  | "interrupted";

export interface RewrapFailure {
  readonly path: string;
  readonly sealKeyId: string;
  readonly error: string;
  readonly atMs: number;
}

export interface RewrapRun {
  readonly runId: string;
  readonly reason: RewrapReason;
  readonly targetKeyId: string;
  readonly startedAtMs: number;
  /** Accessor of the token; null when the vault started the run by itself. */
  readonly startedBy: string | null;
  /** The index was counted: `total` and `skipped` are known. */
  readonly counted: boolean;
  readonly processed: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Of `succeeded`: already under the target key when the run was counted. */
  readonly skipped: number;
  /** Wrapped entries when the run was counted. */
  readonly total: number;
  /** First failures of the run, bounded; paths and classes, never values. */
  readonly failures: readonly RewrapFailure[];
  /** Stale key being worked off, and the store's cursor behind the last entry of it. */
  readonly staleKeyId: string | null;
  readonly cursor: number;
  /** Stale keys whose entries were all visited in this run. */
  readonly visitedKeyIds: readonly string[];
}

export type RewrapJob =
  | { readonly phase: "idle" }
  | { readonly phase: "running"; readonly run: RewrapRun }
  /** The store or the seal failed: tried again at `untilMs`. */
  | {
    readonly phase: "paused";
    readonly run: RewrapRun;
    readonly attempt: number;
    readonly pausedAtMs: number;
    readonly untilMs: number;
  }
  | {
    readonly phase: "finished";
    readonly run: RewrapRun;
    readonly result: RewrapResult;
    readonly finishedAtMs: number;
  };

export function encodeRewrapJob(job: RewrapJob): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({ version: 1, ...job }));
}

export function decodeRewrapJob(bytes: Uint8Array): RewrapJob {
  return JSON.parse(decodeUtf8(bytes)) as RewrapJob;
}

export function isActive(
  job: RewrapJob,
): job is Extract<RewrapJob, { phase: "running" | "paused" }> {
  return job.phase === "running" || job.phase === "paused";
}

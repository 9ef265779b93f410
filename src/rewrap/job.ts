/**
 * The rewrap job: the stored state of the current or last run. The counters are Vault's:
 * `processed` entries have an outcome, `succeeded` ones are under the target key (including those
 * that already were), and `failed` ones could not be moved there.
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
  /** Accessor of the token; null if the vault started the run itself. */
  readonly startedBy: string | null;
  /** Whether the index was counted, so that `total` and `skipped` are known. */
  readonly counted: boolean;
  readonly processed: number;
  readonly succeeded: number;
  readonly failed: number;
  /** The part of `succeeded` that was already under the target key when the run was counted. */
  readonly skipped: number;
  /** Wrapped entries when the run was counted. */
  readonly total: number;
  /** The first failures, up to a bound: paths and error codes, never values. */
  readonly failures: readonly RewrapFailure[];
  /** The stale key in progress, and the store's cursor after its last visited entry. */
  readonly staleKeyId: string | null;
  /** Null: from the start. */
  readonly cursor: string | null;
  /** Stale keys whose entries were all visited by this run. */
  readonly visitedKeyIds: readonly string[];
}

export type RewrapJob =
  | { readonly phase: "idle" }
  | { readonly phase: "running"; readonly run: RewrapRun }
  /** The store or the seal failed; retried at `untilMs`. */
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
  return encodeUtf8(JSON.stringify({ version: 2, ...job }));
}

export function decodeRewrapJob(bytes: Uint8Array): RewrapJob {
  return JSON.parse(decodeUtf8(bytes)) as RewrapJob;
}

export function isActive(
  job: RewrapJob,
): job is Extract<RewrapJob, { phase: "running" | "paused" }> {
  return job.phase === "running" || job.phase === "paused";
}

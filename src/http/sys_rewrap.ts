/** `/sys/sealwrap/rewrap`: starting, watching and ending a rewrap of all seal-wrapped entries. */

import type { Hono } from "hono";
import { VaultError } from "../errors.ts";
import type { RewrapJob } from "../rewrap/job.ts";
import type { AppContext, Call } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import type { JsonObject } from "./replies.ts";

export function registerRewrapEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/sealwrap/rewrap",
    rootNamespaceOnly: true,
    createSuffices: true,
    operations: { read, update: start, delete: cancel, list },
  });
}

async function read({ call, open }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: await statusOf(call, await open.rewrap.job()) };
}

/** The path is served, and it is no folder. */
async function list(): Promise<LogicalReply> {
  throw new VaultError("unsupported_operation", "unsupported operation");
}

async function start(request: LogicalCall): Promise<LogicalReply> {
  const { call } = request;
  return await call.vault.administer(async (open) => {
    const startedBy = call.token?.token.accessor ?? null;
    if (await open.rewrap.start("manual", startedBy) === "started") return { kind: "done" };
    const data = await statusOf(call, await open.rewrap.job());
    return { kind: "data", data, warnings: ["rewrap already running"] };
  });
}

async function cancel({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.rewrap.cancel());
  return { kind: "done" };
}

async function statusOf(call: Call, job: RewrapJob): Promise<JsonObject> {
  const run = job.phase === "idle" ? null : job.run;
  return {
    entries: {
      processed: run?.processed ?? 0,
      succeeded: run?.succeeded ?? 0,
      failed: run?.failed ?? 0,
    },
    is_running: job.phase === "running" || job.phase === "paused",
    ...(call.wantsDetail ? { run: runDetail(job) } : {}),
    ...(call.query.get("inventory") === "true" ? { inventory: await inventory(call) } : {}),
  };
}

/** How many entries each seal key wraps: a key with none may be destroyed. */
async function inventory(call: Call): Promise<JsonObject> {
  return Object.fromEntries(await call.vault.unsealed().sealKeyCounts());
}

function runDetail(job: RewrapJob): JsonObject | null {
  if (job.phase === "idle") return null;
  const { run } = job;
  return {
    run_id: run.runId,
    reason: run.reason,
    target_key_id: run.targetKeyId,
    started_at: new Date(run.startedAtMs).toISOString(),
    started_by: run.startedBy,
    skipped: run.skipped,
    total: run.total,
    failures: run.failures.map((failure) => ({
      path: failure.path,
      seal_key_id: failure.sealKeyId,
      error: failure.error,
      time: new Date(failure.atMs).toISOString(),
    })),
    paused_until: job.phase === "paused" ? new Date(job.untilMs).toISOString() : null,
    finished_at: job.phase === "finished" ? new Date(job.finishedAtMs).toISOString() : null,
    result: job.phase === "finished" ? job.result : null,
  };
}

/** `/sys/sealwrap/rewrap`: starts, shows and cancels a rewrap of all seal-wrapped entries. */

import { text } from "../../../wire/fields.ts";
import { VaultError } from "../../../errors.ts";
import type { RewrapJob } from "../../../rewrap/job.ts";
import type { Call } from "../../request/call.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

const DETAIL = {
  detail: text("show more of the run"),
  inventory: text("count the entries that each seal key wraps"),
};

export const REWRAP_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/sealwrap/rewrap", {
    read: logicalOperation({ summary: "Show the current or last rewrap", fields: DETAIL }, read),
    update: logicalOperation(
      {
        summary: "Start bringing every seal-wrapped entry to the newest seal key",
        answers: ["nothing", "data"],
      },
      start,
    ),
    delete: logicalOperation({ summary: "Stop the running rewrap" }, cancel),
    list: logicalOperation({ summary: "Refused: this is no folder", answers: [] }, list),
  }, { createSuffices: true }),
];

async function read({ call, unsealed }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: await statusOf(call, await unsealed.rewrap.job()) };
}

/** The path is served, but has nothing to list. */
async function list(): Promise<LogicalReply> {
  throw new VaultError("unsupported_operation", "unsupported operation");
}

async function start(request: LogicalCall): Promise<LogicalReply> {
  const { call } = request;
  return await call.vault.administer(async (unsealed) => {
    const startedBy = call.token?.token.accessor ?? null;
    if (await unsealed.rewrap.start("manual", startedBy) === "started") return { kind: "done" };
    const data = await statusOf(call, await unsealed.rewrap.job());
    return { kind: "data", data, warnings: ["rewrap already running"] };
  });
}

async function cancel({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => unsealed.rewrap.cancel());
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

/** Entries per seal key: a key with none may be destroyed. */
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

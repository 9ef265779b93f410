/** `/sys/health`, which answers mainly by its status code. */

import { parseBool } from "../../../wire/go_text.ts";
import * as v from "valibot";
import type { Call } from "../../request/call.ts";
import { count, type RawEndpoint, rawOperation } from "../../request/raw_endpoint.ts";
import { emptyReply, errorReply, jsonReply } from "../../request/replies.ts";
import { clusterFields } from "../server_facts.ts";
import { REPLY_STATUS_MAX, REPLY_STATUS_MIN } from "../../../limits.ts";

const HEALTH = rawOperation(
  {
    summary: "Show the health of the server, in the status code above all",
    statuses: [429, 472, 473, 501, 503],
    answer: v.object({
      initialized: v.boolean(),
      sealed: v.boolean(),
      standby: v.boolean(),
      replication_performance_mode: v.string(),
      replication_dr_mode: v.string(),
      server_time_utc: count("seconds since the epoch"),
      version: v.string(),
      cluster_name: v.optional(v.string()),
      cluster_id: v.optional(v.string()),
    }),
  },
  health,
);

export const HEALTH_ENDPOINTS: readonly RawEndpoint[] = [
  {
    path: "sys/health",
    whileSealed: true,
    methods: { GET: HEALTH, HEAD: HEALTH },
  },
];

/** Parameters by which a load balancer chooses the status of each state. Others are ignored. */
const CODES = ["uninitcode", "sealedcode", "standbycode", "activecode"] as const;
const GO_INTEGER = /^[+-]?[0-9]+$/;

/** The codes asked for, by name; null if a response cannot carry one of them. */
function askedCodes(query: URLSearchParams): ReadonlyMap<string, number> | null {
  const codes = new Map<string, number>();
  for (const name of CODES) {
    const given = query.get(name);
    if (given === null) continue;
    const code = Number(given);
    if (!GO_INTEGER.test(given) || code < REPLY_STATUS_MIN || code > REPLY_STATUS_MAX) return null;
    codes.set(name, code);
  }
  return codes;
}

async function health({ context, query, method }: Call): Promise<Response> {
  const codes = askedCodes(query);
  const standbyOk = query.get("standbyok") ?? "";
  const isReadable = standbyOk === "" || parseBool(standbyOk) !== null;
  if (codes === null || !isReadable) return errorReply(400, []);
  const { initialized, sealed } = context.vault.status();
  const status = !initialized
    ? codes.get("uninitcode") ?? 501
    : sealed
    ? codes.get("sealedcode") ?? 503
    : codes.get("activecode") ?? 200;
  if (method === "HEAD" || status === 204 || status === 205 || status === 304) {
    return emptyReply(status);
  }
  const mode = sealed ? "unknown" : "disabled";
  return jsonReply(status, {
    initialized,
    sealed,
    standby: sealed,
    replication_performance_mode: mode,
    replication_dr_mode: mode,
    server_time_utc: Math.floor(context.nowMs() / 1000),
    version: context.options.version,
    ...clusterFields(context),
  });
}

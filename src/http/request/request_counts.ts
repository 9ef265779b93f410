/** Counts every request below `/v1/` by operation and outcome, and measures its duration. */

import type { MiddlewareHandler } from "hono";
import type { Area, Metrics, ReplyClass, RequestOperation } from "../../metrics.ts";
import { isTrue } from "./query.ts";
import { METHOD_OPERATIONS } from "../../wire/operation.ts";

/** On Workers the clock stands still while code runs: durations cover only time spent waiting. */
export function countRequests(metrics: Metrics, nowMs: () => number): MiddlewareHandler {
  return async function countRequest(c, next) {
    const startedAtMs = nowMs();
    let reply: ReplyClass = "5xx";
    metrics.requestsInFlight += 1;
    try {
      await next();
      // A `Response` has a status from 100 to 599.
      reply = `${Math.floor(c.res.status / 100)}xx` as ReplyClass;
    } finally {
      metrics.requestsInFlight -= 1;
      const listed = c.req.method === "GET" && isTrue(c.req.query("list") ?? null);
      const operation = listed ? "list" : countedAs(c.req.method);
      metrics.countRequest(areaOf(c.req.path), operation, reply, nowMs() - startedAtMs);
    }
  };
}

function countedAs(method: string): RequestOperation {
  const operation = METHOD_OPERATIONS.get(method);
  return operation === undefined || operation === "scan" ? "other" : operation;
}

function areaOf(path: string): Area {
  if (path.startsWith("/v1/sys/")) return "sys";
  return path.startsWith("/v1/auth/") ? "auth" : "engine";
}

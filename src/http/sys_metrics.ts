/** `/sys/metrics`: the vault in numbers, for Prometheus or as JSON. */

import type { Hono } from "hono";
import { invalidRequest } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { EXPOSITION_TYPE, expositionText, goMetrics } from "./exposition.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import { metricFamilies } from "./metric_families.ts";

export function registerMetricsEndpoint(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/metrics",
    rootNamespaceOnly: true,
    operations: { read },
  });
}

async function read({ call, open, data }: LogicalCall): Promise<LogicalReply> {
  const format = formatField(data["format"]) || acceptedFormat(call.request.headers);
  if (format !== "" && format !== "prometheus") {
    const text = `metric response format ${JSON.stringify(format)} unknown`;
    return { kind: "data", status: 400, raw: { contentType: "text/plain", text } };
  }
  const families = await metricFamilies(open, call.context);
  if (format === "prometheus") {
    const raw = { contentType: EXPOSITION_TYPE, text: expositionText(families) };
    return { kind: "data", raw };
  }
  const nowMs = call.context.nowMs();
  const seconds = (nowMs - call.vault.metrics.startedAtMs) / 1000;
  const text = JSON.stringify(goMetrics(families, nowMs, seconds));
  return { kind: "data", raw: { contentType: "application/json", text } };
}

function formatField(value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  throw invalidRequest(
    'Field validation failed: error converting input for field "format": ' +
      "'' expected type 'string', got unconvertible type '[]string'",
  );
}

/** What a scraper that names no format says it takes; "" for JSON. */
function acceptedFormat(headers: Headers): string {
  const accept = headers.get("accept") ?? "";
  const scrapes = accept.startsWith("application/openmetrics-text") ||
    accept.includes("prometheus/telemetry");
  return scrapes ? "prometheus" : "";
}

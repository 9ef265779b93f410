/** `/sys/metrics`: the vault's metrics, for Prometheus or as JSON. */

import { type Sent, text } from "../../../wire/fields.ts";
import { EXPOSITION_TYPE, expositionText, goMetrics } from "./exposition.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { metricFamilies } from "./metric_families.ts";

const FIELDS = { format: text("prometheus; left out: JSON, or what the header Accept asks for") };

export const METRICS_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/metrics", {
    read: logicalOperation(
      { summary: "Show the vault in numbers", fields: FIELDS, answers: ["document"] },
      read,
    ),
  }),
];

async function read(
  { call, unsealed }: LogicalCall,
  sent: Sent<typeof FIELDS>,
): Promise<LogicalReply> {
  const format = sent.format || acceptedFormat(call.request.headers);
  if (format !== "" && format !== "prometheus") {
    const refusal = `metric response format ${JSON.stringify(format)} unknown`;
    return { kind: "data", status: 400, raw: { contentType: "text/plain", text: refusal } };
  }
  const families = await metricFamilies(unsealed, call.context);
  if (format === "prometheus") {
    const raw = { contentType: EXPOSITION_TYPE, text: expositionText(families) };
    return { kind: "data", raw };
  }
  const nowMs = call.context.nowMs();
  const seconds = (nowMs - call.vault.metrics.startedAtMs) / 1000;
  const numbers = JSON.stringify(goMetrics(families, nowMs, seconds));
  return { kind: "data", raw: { contentType: "application/json", text: numbers } };
}

/** The format that a scraper accepts if it names none; "" for JSON. */
function acceptedFormat(headers: Headers): string {
  const accept = headers.get("accept") ?? "";
  const scrapes = accept.startsWith("application/openmetrics-text") ||
    accept.includes("prometheus/telemetry");
  return scrapes ? "prometheus" : "";
}

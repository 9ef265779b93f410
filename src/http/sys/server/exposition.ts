/**
 * Writes families of metrics as text for Prometheus (exposition format 0.0.4) and as JSON in the
 * shape of go-metrics. Names have dots, as in go-metrics; Prometheus gets underscores.
 */

import type { Histogram } from "../../../metrics.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Names are letters, digits and underscores. Values may be any text. */
export type Labels = Readonly<Record<string, string>>;

export interface Series {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSeries {
  readonly labels: Labels;
  readonly histogram: Histogram;
}

/** One name, with series that differ in their labels. A family without series is omitted. */
export type Family =
  & { readonly name: string; readonly help: string }
  & (
    | { readonly type: "counter" | "gauge"; readonly series: readonly Series[] }
    | { readonly type: "histogram"; readonly series: readonly HistogramSeries[] }
  );

export function expositionText(families: readonly Family[]): string {
  return families.filter(({ series }) => series.length > 0).map(familyText).join("");
}

function familyText(family: Family): string {
  const name = family.name.replaceAll(".", "_");
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const lines = family.type === "histogram"
    ? family.series.flatMap((series) => histogramLines(name, series))
    : family.series.map(({ labels, value }) => line(name, labels, value));
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${family.type}`, ...lines, ""].join("\n");
}

/** Buckets are cumulative, so the last one counts everything. */
function histogramLines(name: string, { labels, histogram }: HistogramSeries): string[] {
  const { bounds, counts, sum } = histogram;
  let count = 0;
  const buckets = counts.map((inBucket, index) => {
    count += inBucket;
    const le = numberText(bounds[index] ?? Infinity);
    return line(`${name}_bucket`, { ...labels, le }, count);
  });
  return [
    ...buckets,
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  const shown = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  return `${name}${shown} ${numberText(value)}`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  return Number.isFinite(value) || Number.isNaN(value)
    ? String(value)
    : value > 0
    ? "+Inf"
    : "-Inf";
}

/**
 * The shape of go-metrics, with two differences: go-metrics sums the last ten seconds, this
 * everything in the `seconds` since counting began; and minimum, maximum and deviation are missing.
 */
export function goMetrics(
  families: readonly Family[],
  nowMs: number,
  seconds: number,
): JsonObject {
  const rate = (sum: number): number => seconds > 0 ? sum / seconds : 0;
  const gauges: JsonObject[] = [];
  const counters: JsonObject[] = [];
  const samples: JsonObject[] = [];
  for (const { name: Name, ...family } of families) {
    switch (family.type) {
      case "gauge":
        for (const { labels: Labels, value: Value } of family.series) {
          gauges.push({ Name, Value, Labels });
        }
        break;
      case "counter":
        for (const { labels: Labels, value } of family.series) {
          counters.push({ Name, Count: value, Rate: rate(value), Sum: value, Labels });
        }
        break;
      case "histogram":
        for (const { labels: Labels, histogram: { counts, sum } } of family.series) {
          const Count = counts.reduce((total, inBucket) => total + inBucket, 0);
          const Mean = Count === 0 ? 0 : sum / Count;
          samples.push({ Name, Count, Rate: rate(sum), Sum: sum, Mean, Labels });
        }
        break;
    }
  }
  return {
    Timestamp: goTime(nowMs),
    Gauges: gauges,
    Points: [],
    Counters: counters,
    Samples: samples,
  };
}

/** Go's form of a time: `2006-01-02 15:04:05 +0000 UTC`. */
function goTime(ms: number): string {
  const [date = "", time = ""] = new Date(ms).toISOString().split("T");
  return `${date} ${time.slice(0, "15:04:05".length)} +0000 UTC`;
}

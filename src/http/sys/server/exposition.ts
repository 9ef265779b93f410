/**
 * Families of metrics as text for Prometheus (its exposition format 0.0.4) and as JSON in the shape
 * of go-metrics. Names are written with dots, as go-metrics does: Prometheus sees underscores.
 */

import type { Histogram } from "../../../metrics.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Names are letters, digits and underscores; values may be any text. */
export type Labels = Readonly<Record<string, string>>;

export interface Series {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSeries {
  readonly labels: Labels;
  readonly histogram: Histogram;
}

/** One name, and the series that differ in their labels. One without series is left out. */
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

/** Buckets are cumulative, and the last one holds everything. */
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
 * What go-metrics shows, with two differences: it sums up the last ten seconds, this everything since
 * counting began, `seconds` ago; and it knows smallest, largest and deviation, which are left out.
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

/** Go's own form of a time: `2006-01-02 15:04:05 +0000 UTC`. */
function goTime(ms: number): string {
  const [date = "", time = ""] = new Date(ms).toISOString().split("T");
  return `${date} ${time.slice(0, "15:04:05".length)} +0000 UTC`;
}

/** Metrics as text for Prometheus and as JSON of go-metrics, from hand-made families. */

import { describe, expect, it } from "vitest";
import {
  expositionText,
  type Family,
  goMetrics,
} from "../../../../src/http/sys/server/exposition.ts";
import { Histogram, Metrics } from "../../../../src/metrics.ts";
import { readExposition, valueOf } from "./exposition_reader.ts";

const UGLY = 'a "quoted" \\ back\nnew line, {comma="x"} ü';

function histogramOf(bounds: readonly number[], values: readonly number[]): Histogram {
  const histogram = new Histogram(bounds);
  for (const value of values) histogram.observe(value);
  return histogram;
}

const FAMILIES: readonly Family[] = [
  { type: "gauge", name: "vault.core.unsealed", help: "One.", series: [{ labels: {}, value: 1 }] },
  {
    type: "counter",
    name: "x.things_total",
    help: "Things \\ and\nmore.",
    series: [{ labels: { kind: "a", id: UGLY }, value: 3 }, { labels: { kind: "b" }, value: 2.5 }],
  },
  {
    type: "histogram",
    name: "x.wait_seconds",
    help: "Waits.",
    series: [{ labels: { kind: "a" }, histogram: histogramOf([0.5, 2], [0.5, 1, 1.5, 7]) }],
  },
];

describe("expositionText()", () => {
  it("expositionText() writes each family with its help and type before its series", () => {
    expect(expositionText(FAMILIES)).toBe([
      "# HELP vault_core_unsealed One.",
      "# TYPE vault_core_unsealed gauge",
      "vault_core_unsealed 1",
      "# HELP x_things_total Things \\\\ and\\nmore.",
      "# TYPE x_things_total counter",
      'x_things_total{kind="a",id="a \\"quoted\\" \\\\ back\\nnew line, {comma=\\"x\\"} ü"} 3',
      'x_things_total{kind="b"} 2.5',
      "# HELP x_wait_seconds Waits.",
      "# TYPE x_wait_seconds histogram",
      'x_wait_seconds_bucket{kind="a",le="0.5"} 1',
      'x_wait_seconds_bucket{kind="a",le="2"} 3',
      'x_wait_seconds_bucket{kind="a",le="+Inf"} 4',
      'x_wait_seconds_sum{kind="a"} 10',
      'x_wait_seconds_count{kind="a"} 4',
      "",
    ].join("\n"));
  });

  it("expositionText() keeps a label's value, whatever characters it has", () => {
    const families = readExposition(expositionText(FAMILIES));
    expect(valueOf(families, "x_things_total", { id: UGLY })).toBe(3);
  });

  it("expositionText() leaves out a family without series", () => {
    expect(expositionText([{ type: "gauge", name: "x", help: "x", series: [] }])).toBe("");
  });

  it("expositionText() writes numbers as Go reads them", () => {
    const series = [Infinity, -Infinity, NaN, 1e21, 0.1, 0].map((value, index) => ({
      labels: { n: String(index) },
      value,
    }));
    const text = expositionText([{ type: "gauge", name: "x", help: "x", series }]);
    expect(text.split("\n").slice(2, -1).map((line) => line.split(" ")[1]))
      .toEqual(["+Inf", "-Inf", "NaN", "1e+21", "0.1", "0"]);
  });
});

describe("goMetrics()", () => {
  it("goMetrics() sorts families by kind and keeps the dots in names", () => {
    expect(goMetrics(FAMILIES, Date.UTC(2026, 0, 2, 3, 4, 5, 678), 10)).toEqual({
      Timestamp: "2026-01-02 03:04:05 +0000 UTC",
      Gauges: [{ Name: "vault.core.unsealed", Value: 1, Labels: {} }],
      Points: [],
      Counters: [
        {
          Name: "x.things_total",
          Count: 3,
          Rate: 0.3,
          Sum: 3,
          Labels: { kind: "a", id: UGLY },
        },
        { Name: "x.things_total", Count: 2.5, Rate: 0.25, Sum: 2.5, Labels: { kind: "b" } },
      ],
      Samples: [
        { Name: "x.wait_seconds", Count: 4, Rate: 1, Sum: 10, Mean: 2.5, Labels: { kind: "a" } },
      ],
    });
  });

  it("goMetrics() gives no null for an uptime of zero", () => {
    const text = JSON.stringify(goMetrics(FAMILIES, 0, 0));
    expect(text).not.toContain("null");
  });
});

describe("readExposition()", () => {
  const ok = '# HELP a A.\n# TYPE a gauge\na{b="c"} 1\n';

  it("readExposition() accepts well-formed text", () => {
    expect(valueOf(readExposition(ok), "a", { b: "c" })).toBe(1);
  });

  it.each([
    ["a family twice", ok + ok],
    ["a series twice", `${ok}a{b="c"} 2\n`],
    ["a label twice", '# HELP a A.\n# TYPE a gauge\na{b="c",b="d"} 1\n'],
    ["a sample of another family", `${ok}b 1\n`],
    ["a sample before its family", "a 1\n"],
    ["no type", "# HELP a A.\na 1\n"],
    ["no samples", "# HELP a A.\n# TYPE a gauge\n"],
    ["an open quote", '# HELP a A.\n# TYPE a gauge\na{b="c"d"} 1\n'],
    ["a wrong name", "# HELP a A.\n# TYPE a gauge\na.b 1\n"],
    ["a value that is not a number", "# HELP a A.\n# TYPE a gauge\na x\n"],
    ["no last line break", ok.trimEnd()],
    ["an empty line", `${ok}\n`],
    [
      "buckets that do not add up",
      '# HELP a A.\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n',
    ],
  ])("readExposition() refuses %s", (_, text) => {
    expect(() => readExposition(text)).toThrow();
  });
});

describe("Metrics", () => {
  it("Metrics starts at zero and counts no negative time if the clock is set back", () => {
    const metrics = new Metrics(7);
    expect(metrics.startedAtMs).toBe(7);
    metrics.countRequest("sys", "read", "2xx", -5);
    expect([...metrics.requests]).toEqual([["sys read 2xx", 1]]);
    expect([...metrics.durations.keys()]).toEqual(["read"]);
    expect(metrics.durations.get("read")).toMatchObject({ sum: 0 });
    expect(metrics.durations.get("read")?.counts.indexOf(1)).toBe(0);
  });

  it("Metrics reports a failed seal until it works again", () => {
    const metrics = new Metrics(0);
    expect(metrics.sealWorks).toBe(true);
    metrics.countAutoUnsealFailure();
    expect(metrics.sealWorks).toBe(false);
    metrics.countSealWork("unwrapped", true);
    expect(metrics.sealWorks).toBe(true);
    metrics.countSealWork("wrapped", false);
    expect(metrics.sealWorks).toBe(false);
    expect([...metrics.sealWork]).toEqual([["unwrapped", 1], ["not wrapped", 1]]);
  });
});

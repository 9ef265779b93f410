import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TIMEOUT_MS = 120_000;
const TINY = {
  BENCH_ENTRIES: "120",
  BENCH_RUNS: "1",
  BENCH_SECONDS: "0.1",
  BENCH_READ_RATE: "50",
};

interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run bench` with these settings and no others. */
function bench(settings: Readonly<Record<string, string>>): Promise<Outcome> {
  const inherited = Object.entries(process.env).filter(([name]) =>
    !/^(SEALWRIGHT|VITEST|BENCH|RUNTIME)/.test(name)
  );
  const env = { ...Object.fromEntries(inherited), ...settings };
  return new Promise((resolve) => {
    const args = ["--silent", "run", "bench"];
    execFile("npm", args, { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : 1, stdout, stderr });
    });
  });
}

const leftovers = () =>
  readdirSync(tmpdir()).filter((name) => name.startsWith("sealwright-bench-"));

const rate = expect.toSatisfy((value: number) => value > 0, "a positive number");
const served = { perSecond: rate, p50Ms: rate, p99Ms: rate, ratio: rate };
const targets = {
  bare: served,
  root: served,
  policies: served,
  audited: { ...served, ofUnaudited: rate },
  sealWrapped: served,
};

describe.each(["deno", "node", "bun"])("npm run bench on %s", (runtime) => {
  it(
    `npm run bench on ${runtime} prints a table, and every figure as JSON on the last line`,
    async () => {
      const before = leftovers();
      const { status, stdout, stderr } = await bench({ ...TINY, RUNTIME: runtime });
      expect(stderr).not.toContain("bench:");
      expect(status).toBe(0);
      const report: unknown = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
      expect(report).toMatchObject({
        machine: { runtime, cores: rate },
        options: { entries: 120, valueBytes: 1024, runs: 1 },
        rewrap: {
          entriesPerSecond: rate,
          cryptoPerSecond: rate,
          sqlitePerSecond: rate,
          sequencePerSecond: rate,
          ratios: { crypto: rate, sqlite: rate, sequence: rate },
        },
        ceremony: { plainMs: rate, verifiedMs: rate },
        requests: { connections: 32, read: targets, write: targets },
      });
      for (const text of [`Sealwright on ${runtime}`, "crypto, then SQLite", "with verification"]) {
        expect(stdout).toContain(text);
      }
      expect(leftovers()).toEqual(before);
    },
    TIMEOUT_MS,
  );
});

it("npm run bench names the setting it cannot use", async () => {
  const { status, stdout, stderr } = await bench({ RUNTIME: "perl" });
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toContain("RUNTIME must be of deno, node, bun");
}, TIMEOUT_MS);

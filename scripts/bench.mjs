/**
 * Measures the vault against baselines on the same machine and runtime, one after another. Prints a
 * table and one line of JSON. Only the ratios are meaningful. Settings:
 *
 *   RUNTIME          deno (default), node or bun
 *   BENCH_ENTRIES    seal-wrapped entries to rewrap (50000)
 *   BENCH_BYTES      bytes of each value (1024)
 *   BENCH_RUNS       runs per measurement, of which the median counts (3)
 *   BENCH_SECONDS    seconds per run of requests (2)
 *   BENCH_READ_RATE  reads per second during a rewrap (100)
 *   BENCH_PARTS      any of rewrap,ceremony,requests (all)
 *
 * Works in its own temporary directory and removes it.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { measureCeremonies } from "./bench/measure_ceremonies.mjs";
import { measureRequests } from "./bench/measure_requests.mjs";
import { measureRewrap } from "./bench/measure_rewrap.mjs";
import { readOptions } from "./bench/options.mjs";
import { endAll } from "./bench/processes.mjs";
import { describeMachine, describeReport } from "./bench/report.mjs";

const MEASUREMENTS = {
  rewrap: measureRewrap,
  ceremony: measureCeremonies,
  requests: measureRequests,
};

async function bench() {
  const options = readOptions(process.env);
  const report = { machine: describeMachine(options.runtime), options };
  const directory = mkdtempSync(join(tmpdir(), "sealwright-bench-"));
  try {
    for (const part of options.parts) {
      process.stderr.write(`measuring ${part} …\n`);
      report[part] = await MEASUREMENTS[part](options, join(directory, part));
    }
  } finally {
    await endAll();
    rmSync(directory, { recursive: true, force: true });
  }
  process.stdout.write(`${describeReport(report)}\n${JSON.stringify(report)}\n`);
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    endAll().finally(() => process.exit(1));
  });
}
await bench().catch((error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
});

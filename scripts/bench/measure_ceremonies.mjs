/** Milliseconds per ceremony (five shares, three needed) over HTTP, with and without verifying. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { medianOf } from "./numbers.mjs";
import { runHelper, startVault } from "./processes.mjs";
import { createClient, rekey } from "./vault_client.mjs";

const THRESHOLD = 3;
const RUNS_PER_RUN = 3;

export async function measureCeremonies(options, directory) {
  const { runtime, valueBytes } = options;
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "sealwright.db");
  const filled = await runHelper(runtime, "fill", { file, entries: 1, valueBytes });
  const server = await startVault(runtime, directory);
  const client = createClient(server.port, filled.rootToken);
  let { shares } = filled;
  await client.unseal(shares.slice(0, THRESHOLD));
  const measure = async (verification) => {
    const startMs = performance.now();
    shares = await rekey(client, shares, { threshold: THRESHOLD, verification });
    const ms = performance.now() - startMs;
    await client.rewrapEnded();
    return ms;
  };
  // The first one warms up the runtime.
  await measure(true);
  const runs = options.runs * RUNS_PER_RUN;
  const plainMs = await medianOf(runs, () => measure(false));
  const verifiedMs = await medianOf(runs, () => measure(true));
  await server.stop();
  return { plainMs, verifiedMs };
}

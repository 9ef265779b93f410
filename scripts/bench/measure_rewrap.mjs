/**
 * The rewrap after a rekey, in a vault started as its users start it, during light reads. Measures
 * entries per second against the crypto alone and the database alone, memory, and read latency.
 */

import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { entryName } from "./entries.mjs";
import { encodeRequest, startOpenLoop } from "./load.mjs";
import { median } from "./numbers.mjs";
import { runHelper, startVault } from "./processes.mjs";
import { createClient, rekey } from "./vault_client.mjs";

const THRESHOLD = 3;
/** A prime, so that the reads spread over the whole store. */
const READ_STRIDE = 7919;
const DATABASE_FILE = "sealwright.db";

export async function measureRewrap(options, directory) {
  const { runtime, entries, valueBytes, runs } = options;
  const data = join(directory, "vault");
  const copy = join(directory, "copy.db");
  mkdirSync(data, { recursive: true });
  const file = join(data, DATABASE_FILE);
  const filled = await runHelper(runtime, "fill", { file, entries, valueBytes });
  copyFileSync(file, copy);

  const baseline = async (kind) =>
    median(
      await runHelper(runtime, "rewrap_baselines", { kind, runs, entries, valueBytes, file: copy }),
    );
  const cryptoPerSecond = await baseline("crypto");
  const sqlitePerSecond = await baseline("sqlite");
  const product = await measureProduct(options, data, filled);
  const sequencePerSecond = 1 / (1 / cryptoPerSecond + 1 / sqlitePerSecond);
  const { entriesPerSecond } = product;
  return {
    ...product,
    cryptoPerSecond,
    sqlitePerSecond,
    sequencePerSecond,
    ratios: {
      crypto: entriesPerSecond / cryptoPerSecond,
      sqlite: entriesPerSecond / sqlitePerSecond,
      sequence: entriesPerSecond / sequencePerSecond,
    },
  };
}

async function measureProduct(options, data, { shares, rootToken }) {
  const server = await startVault(options.runtime, data);
  const client = createClient(server.port, rootToken);
  await client.unseal(shares.slice(0, THRESHOLD));
  const restRssMib = server.peakRssMib();
  const outcomes = [];
  let current = shares;
  for (let run = 0; run < options.runs; run++) {
    const outcome = await rewrapOnce(options, server, client, current, rootToken);
    current = outcome.shares;
    outcomes.push(outcome);
  }
  const peakRssMib = server.peakRssMib();
  await server.stop();
  return {
    entriesPerSecond: median(outcomes.map((outcome) => outcome.entriesPerSecond)),
    reads: outcomes.map((outcome) => outcome.reads),
    restRssMib,
    peakRssMib,
  };
}

/** One rekey and the rewrap it starts, with reads from before the rekey to after the rewrap. */
async function rewrapOnce(options, server, client, shares, token) {
  const { readsPerSecond, entries } = options;
  const request = (n) => {
    const path = `/v1/wrapped/${entryName(n * READ_STRIDE % entries)}`;
    return encodeRequest("GET", path, { token });
  };
  const { port } = server;
  const reads = startOpenLoop({ port, perSecond: readsPerSecond, request });
  try {
    const next = await rekey(client, shares, { threshold: THRESHOLD });
    const run = await client.rewrapEnded();
    if (run.result !== "completed") throw new Error(`the rewrap ended as ${run.result}`);
    const seconds = (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000;
    const entriesPerSecond = (run.succeeded - run.skipped) / Math.max(seconds, 0.001);
    return { shares: next, entriesPerSecond, reads: await reads.stop() };
  } finally {
    await reads.stop();
  }
}

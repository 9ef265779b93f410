/**
 * Ten clients without a token attack the vault for three minutes, while others read a secret with a
 * valid token. Prints the answers to the attackers, the readers' p99, and the longest time without
 * any answer from the server. Exits with status 1 if a read failed or the server ended.
 *
 *   npm run attack [-- deno|bun|node|workers]     ATTACK_SECONDS (180)
 *
 * Runs on loopback only, against its own vault in a temporary directory.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { runAttackers } from "./attack/run_attackers.mjs";
import { encodeRequest, startOpenLoop } from "./bench/load.mjs";
import { endAll, startVault } from "./bench/processes.mjs";
import { createClient } from "./bench/vault_client.mjs";

const READS_PER_SECOND = 50;
const PROBE_PAUSE_MS = 5;

async function attack(runtime, seconds) {
  const directory = mkdtempSync(join(tmpdir(), "sealwright-attack-"));
  try {
    const vault = await startVault(runtime, directory, {
      // Anonymous callers may start a rekey, so their keys reach the PGP code.
      SEALWRIGHT_REKEY_ACCESS: "open",
    });
    const token = await prepare(vault.port);
    const read = encodeRequest("GET", "/v1/kv/a", { token });
    process.stdout.write(`${runtime}, undisturbed: ${await measure(vault.port, read, 5)}\n`);
    const attackers = runAttackers(vault.port, seconds);
    process.stdout.write(`${runtime}, attacked:    ${await measure(vault.port, read, seconds)}\n`);
    process.stdout.write(`${await attackers}\n`);
    const rss = vault.peakRssMib();
    if (rss !== null) process.stdout.write(`highest memory of the server: ${rss} MiB\n`);
    await vault.stop();
  } finally {
    await endAll();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prepares an unsealed vault with one secret. Returns a token whose policy can read it. */
async function prepare(port) {
  const anybody = createClient(port, "");
  const init = { secret_shares: 1, secret_threshold: 1 };
  const { keys, root_token } = await anybody.call("PUT", "sys/init", init);
  await anybody.unseal(keys);
  const root = createClient(port, root_token);
  await root.call("POST", "sys/mounts/kv", { type: "kv" });
  await root.call("PUT", "kv/a", { value: "x".repeat(100) });
  await root.call("PUT", "sys/policies/acl/reader", {
    policy: 'path "kv/*" { capabilities = ["read"] }',
  });
  const made = await root.call("POST", "auth/token/create", { policies: ["reader"] });
  return made.auth.client_token;
}

async function measure(port, read, seconds) {
  const reads = startOpenLoop({ port, perSecond: READS_PER_SECOND, request: () => read });
  const untilMs = performance.now() + seconds * 1000;
  let longestMs = 0;
  while (performance.now() < untilMs) {
    const sentMs = performance.now();
    await (await fetch(`http://127.0.0.1:${port}/v1/sys/seal-status`)).arrayBuffer();
    longestMs = Math.max(longestMs, performance.now() - sentMs);
    await sleep(PROBE_PAUSE_MS);
  }
  const { count, p50Ms, p99Ms, maxMs } = await reads.stop();
  const ms = (value) => `${value.toFixed(1)} ms`;
  return `${count} reads, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}, max ${ms(maxMs)}; ` +
    `longest block ${ms(longestMs)}`;
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    endAll().finally(() => process.exit(1));
  });
}
const runtime = process.argv[2] ?? "deno";
const seconds = Number(process.env.ATTACK_SECONDS || 180);
await attack(runtime, seconds).catch((error) => {
  process.stderr.write(`attack: ${error.message}\n`);
  process.exitCode = 1;
});

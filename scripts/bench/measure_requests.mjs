/**
 * kv version 1 over HTTP through the whole vault, against a bare handler on the same runtime: reads
 * and writes per second over 32 kept connections, alternating so that both see the same machine.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { entryName, entryValue } from "./entries.mjs";
import { encodeRequest, loadClosedLoop, sendAll } from "./load.mjs";
import { median } from "./numbers.mjs";
import { runHelper, startBareServer, startVault } from "./processes.mjs";
import { createClient } from "./vault_client.mjs";

const CONNECTIONS = 32;
const PATHS = 250;
const POLICIES = {
  "bench-team": 'path "wrapped/*" { capabilities = ["read", "list"] }',
  "bench-app": 'path "plain/+/entry-*" { capabilities = ["create", "read", "update", "delete"] }',
  "bench-ops": 'path "sys/health" { capabilities = ["read"] }',
};

export async function measureRequests(options, directory) {
  const { runtime } = options;
  const vault = await openVault(options, join(directory, "vault"));
  const audit = { SEALWRIGHT_AUDIT_FILE: join(directory, "audit.log") };
  const audited = await openVault(options, join(directory, "audited"), audit);
  const bare = await startBareServer(runtime, join(directory, "bare.db"));

  const { port, root, limited } = vault;
  const targets = {
    bare: { port: bare.port, mount: "plain", token: root },
    root: { port, mount: "plain", token: root },
    policies: { port, mount: "plain", token: limited },
    audited: { port: audited.port, mount: "plain", token: audited.limited },
    sealWrapped: { port, mount: "wrapped", token: root },
  };
  for (const target of Object.values(targets)) {
    await sendAll(target.port, requestsTo(target, options, REQUESTS.write));
  }
  const report = { connections: CONNECTIONS, peakRssMib: null };
  for (const kind of ["write", "read"]) {
    const figures = await measureInTurns(options, targets, REQUESTS[kind]);
    const ofUnaudited = figures.audited.perSecond / figures.policies.perSecond;
    report[kind] = { ...figures, audited: { ...figures.audited, ofUnaudited } };
  }
  report.peakRssMib = vault.server.peakRssMib();
  await vault.server.stop();
  await audited.server.stop();
  await bare.stop();
  return report;
}

/** A filled, unsealed vault, with a root token and a token with three policies. */
async function openVault({ runtime, valueBytes }, data, settings) {
  mkdirSync(data, { recursive: true });
  const file = join(data, "sealwright.db");
  const { shares, rootToken } = await runHelper(runtime, "fill", {
    file,
    entries: PATHS,
    valueBytes,
  });
  const server = await startVault(runtime, data, settings);
  const client = createClient(server.port, rootToken);
  await client.unseal(shares.slice(0, 3));
  const limited = await createLimitedToken(client);
  return { server, port: server.port, root: rootToken, limited };
}

async function createLimitedToken(client) {
  for (const [name, policy] of Object.entries(POLICIES)) {
    await client.call("PUT", `sys/policies/acl/${name}`, { policy });
  }
  const policies = Object.keys(POLICIES);
  const { auth } = await client.call("POST", "auth/token/create", { policies, ttl: "1h" });
  return auth.client_token;
}

const pathOf = (mount, n) => `/v1/${mount}/${entryName(n)}`;

const REQUESTS = {
  write: ({ mount, token }, { valueBytes }) => {
    const json = entryValue(valueBytes);
    return (n) => encodeRequest("PUT", pathOf(mount, n), { token, json });
  },
  read: ({ mount, token }) => (n) => encodeRequest("GET", pathOf(mount, n), { token }),
};

function requestsTo(target, options, requestsOf) {
  const requestOf = requestsOf(target, options);
  return Array.from({ length: PATHS }, (_, n) => requestOf(n));
}

/** Measures each target once per run. Returns each median and its share of the bare rate. */
async function measureInTurns(options, targets, requestsOf) {
  const { runs, seconds } = options;
  const outcomes = Object.fromEntries(Object.keys(targets).map((name) => [name, []]));
  // The first round warms up the runtimes.
  for (let run = -1; run < runs; run++) {
    for (const [name, target] of Object.entries(targets)) {
      const requests = requestsTo(target, options, requestsOf);
      const request = (n) => requests[n % PATHS];
      const { port } = target;
      const outcome = await loadClosedLoop({ port, connections: CONNECTIONS, seconds, request });
      if (run >= 0) outcomes[name].push(outcome);
    }
  }
  const figure = (name, key) => median(outcomes[name].map((outcome) => outcome[key]));
  const barePerSecond = figure("bare", "perSecond");
  return Object.fromEntries(
    Object.keys(targets).map((name) => [name, {
      perSecond: figure(name, "perSecond"),
      p50Ms: figure(name, "p50Ms"),
      p99Ms: figure(name, "p99Ms"),
      ratio: figure(name, "perSecond") / barePerSecond,
    }]),
  );
}

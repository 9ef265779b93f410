/**
 * Serves the vault's Worker and Durable Object on this machine: workerd, run by Miniflare, with the
 * object's database kept below the data directory. For trying out and testing what is deployed to
 * Cloudflare. Contacts nobody.
 */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { describeStart, summarizeNextStep } from "../src/runtimes/banner.ts";
import { checkIdentity } from "../src/runtimes/http1/tls.ts";
import { isLoopback, parseSettings } from "../src/runtimes/settings.ts";
import { VERSION } from "../src/runtimes/version.ts";
import { bundleWorker } from "./build_worker.mjs";

const COMPATIBILITY_DATE = /^compatibility_date = "(.*)"$/m;

function fail(lines) {
  for (const line of lines) process.stderr.write(`sealwright: ${line}\n`);
  process.exit(1);
}

/** The Worker has no files: keys are read here and given as values. */
function workerVariables(settings) {
  const variables = {
    SEALWRIGHT_SEAL: settings.seal.type,
    SEALWRIGHT_REKEY_ACCESS: settings.rekeyAccess,
    SEALWRIGHT_GENERATE_ROOT_ACCESS: settings.generateRootAccess,
    SEALWRIGHT_LOG: settings.logLevel,
  };
  if (settings.seal.type !== "static") return variables;
  for (const which of ["current", "previous"]) {
    const key = settings.seal[which];
    if (key === null) continue;
    const name = `SEALWRIGHT_STATIC_SEAL_${which.toUpperCase()}_KEY`;
    variables[name] = Buffer.from(key.key).toString("base64");
    variables[`${name}_ID`] = key.id;
  }
  return variables;
}

/** Null for plain HTTP. */
function readIdentity(tls) {
  if (tls === null) return null;
  const identity = {
    cert: readFileSync(tls.certPath, "utf8"),
    key: readFileSync(tls.keyPath, "utf8"),
  };
  checkIdentity(identity);
  return identity;
}

async function options(settings) {
  const { modules } = await bundleWorker();
  const config = readFileSync(new URL("../wrangler.toml", import.meta.url), "utf8");
  const { listen, dataDirectory } = settings;
  const identity = readIdentity(settings.tls);
  return convertV4MiniflareOptions({
    name: "sealwright",
    host: listen.hostname,
    port: listen.port,
    ...(identity === null ? {} : { https: true, httpsCert: identity.cert, httpsKey: identity.key }),
    cf: false,
    telemetry: { enabled: false },
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ message }) => process.stderr.write(`${message}\n`),
    ...(dataDirectory === null
      ? {}
      : { resourcePersistencePath: join(resolve(dataDirectory), "workers") }),
    modulesRoot: "/",
    modules: modules.map(({ name, text }) => ({
      type: "ESModule",
      path: `/${name}`,
      contents: text,
    })),
    compatibilityDate: COMPATIBILITY_DATE.exec(config)[1],
    bindings: workerVariables(settings),
    durableObjects: { VAULT: { className: "VaultObject", useSQLite: true } },
  });
}

/** Asks the vault how it is, as a client would, and says what to do next. */
async function announce() {
  const answer = await miniflare.dispatchFetch("http://vault.invalid/v1/sys/seal-status");
  const situation = await answer.json();
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = `${settings.tls === null ? "http" : "https"}://${host}:${port}`;
  if (process.stdout.isTTY) {
    const input = { runtime: "workerd", version: VERSION, url, settings, situation };
    process.stdout.write(`${describeStart(input)}\n`);
    return;
  }
  const next = summarizeNextStep(situation);
  const time = new Date().toISOString();
  const line = { time, level: "info", message: "serving", runtime: "workerd", url, next };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}

const outcome = parseSettings(process.env, (path) => readFileSync(path));
if (!outcome.ok) fail(outcome.errors);
const { settings } = outcome;
const { hostname, port } = settings.listen;
if (!isLoopback(hostname)) {
  fail([`SEALWRIGHT_LISTEN must be a loopback address for workerd: got ${hostname}`]);
}

const miniflare = new Miniflare(await options(settings));
try {
  await miniflare.ready;
} catch (error) {
  fail([`cannot serve on ${hostname}:${port}: ${error.message}`]);
}
let isEnding = false;
for (const signal of ["SIGTERM", "SIGINT"]) {
  // Miniflare's own handlers end the process at once, with a status that looks like a failure.
  process.removeAllListeners(signal);
  process.on(signal, async () => {
    if (isEnding) return;
    isEnding = true;
    await miniflare.dispose();
    process.exit(0);
  });
}
try {
  await announce();
} catch (error) {
  if (!isEnding) fail([error.message]);
}

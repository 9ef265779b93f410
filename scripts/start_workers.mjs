/**
 * Serves the vault's Worker and Durable Object on this machine: workerd, run by Miniflare, with the
 * object's database below the data directory. For trying and testing what is deployed to
 * Cloudflare, whose network the other runtimes' server stands in for. Contacts no other machine.
 */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { errorResponse } from "../src/runtimes/error_response.ts";
import { describeStart, summarizeNextStep } from "../src/runtimes/local/banner.ts";
import { boundsFor, descriptorLimit } from "../src/runtimes/local/descriptors.ts";
import { HOST_HEADER, PEER_HEADER, TARGET_HEADER } from "../src/runtimes/workers/hand_over.ts";
import { listenOnNode } from "../src/runtimes/local/http1/listen.ts";
import { startServer } from "../src/runtimes/local/http1/server.ts";
import { REQUEST_BODY_MAX_BYTES } from "../src/limits.ts";
import { createLog, LOG_LEVELS } from "../src/log.ts";
import { isLoopback, parseSettings, SETTING_NAMES } from "../src/runtimes/settings.ts";
import { denoKvRefusal } from "../src/runtimes/storage_settings.ts";
import { VERSION } from "../src/runtimes/version.ts";
import { bundleWorker } from "./build_worker.mjs";

/** Methods that workerd accepts and the product serves. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/** Headers that belong to one connection, or that the next one sets itself. */
const OWN_HEADERS = ["connection", "content-length", "expect", "host", "keep-alive", "upgrade"];
const COMPATIBILITY_DATE = /^compatibility_date = "(.*)"$/m;

function fail(lines) {
  for (const line of lines) process.stderr.write(`sealwright: ${line}\n`);
  process.exit(1);
}

/** Settings of this process. The Worker gets all others. */
const LOCAL_NAMES = [
  "SEALWRIGHT_LISTEN",
  "SEALWRIGHT_DATA",
  "SEALWRIGHT_TLS_CERT",
  "SEALWRIGHT_TLS_KEY",
  "SEALWRIGHT_INSECURE_LISTEN",
];

/** The Worker has no files, so keys are passed as values. */
function workerVariables(settings) {
  const names = SETTING_NAMES.filter((name) => !LOCAL_NAMES.includes(name) && process.env[name]);
  const variables = Object.fromEntries(names.map((name) => [name, process.env[name]]));
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

/** Passes a request to the Worker, as Cloudflare's network does. */
async function forward(request, { rawTarget, peerAddress }) {
  const { method } = request;
  if (!METHODS.includes(method)) return errorResponse(405, []);
  const headers = new Headers(request.headers);
  if (Number(headers.get("content-length")) > REQUEST_BODY_MAX_BYTES) {
    return errorResponse(413, ["http: request body too large"]);
  }
  const host = headers.get("host") ?? "";
  for (const name of OWN_HEADERS) headers.delete(name);
  headers.set(HOST_HEADER, host);
  headers.set(TARGET_HEADER, rawTarget);
  headers.set(PEER_HEADER, peerAddress ?? "");
  const body = request.body === null ? null : await request.arrayBuffer();
  return await miniflare.dispatchFetch(request.url, { method, headers, body, redirect: "manual" });
}

async function options(settings) {
  const { modules } = await bundleWorker();
  const config = readFileSync(new URL("../wrangler.toml", import.meta.url), "utf8");
  return convertV4MiniflareOptions({
    name: "sealwright",
    // Only for `forward`. Clients connect to the product's own server, which enforces the bounds.
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ message }) => writeWorkerLine(message),
    ...(settings.dataDirectory === null
      ? {}
      : { resourcePersistencePath: resolve(settings.dataDirectory) }),
    modulesRoot: "/",
    modules: modules.map(({ name, text }) => ({
      type: "ESModule",
      path: `/${name}`,
      contents: text,
    })),
    compatibilityDate: COMPATIBILITY_DATE.exec(config)[1],
    bindings: {
      ...workerVariables(settings),
      LOCAL_SERVER: settings.isReachedByTls ? "https" : "http",
    },
    durableObjects: { VAULT: { className: "VaultObject", useSQLite: true } },
  });
}

/** Asks for the vault's status as a client would, and prints what to do next. */
async function announce() {
  const answer = await miniflare.dispatchFetch("http://vault.invalid/v1/sys/seal-status");
  const situation = await answer.json();
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = `${settings.tls === null ? "http" : "https"}://${host}:${port}`;
  if (process.stdout.isTTY) {
    const input = { runtime: "workerd", version: VERSION, url, settings, situation };
    process.stdout.write(`${describeStart(input)}\n`);
  }
  const next = summarizeNextStep(situation);
  log.info("serving", { runtime: "workerd", version: VERSION, url, next });
}

function writeStderr(line) {
  process.stderr.write(`${line}\n`);
}

/** Writes a line of the Worker's console. On a terminal, log lines become text. */
function writeWorkerLine(line) {
  const entry = style === "text" ? parseLogLine(line) : null;
  if (entry === null) return writeStderr(line);
  const { time, level, message, ...fields } = entry;
  const nowMs = () => Date.parse(time);
  createLog({ level, write: writeStderr, style, nowMs })[level](message, fields);
}

/** Null if the line is an audit line or not from the vault's log. */
function parseLogLine(line) {
  try {
    const entry = JSON.parse(line);
    return LOG_LEVELS.includes(entry?.level) && "message" in entry ? entry : null;
  } catch {
    return null;
  }
}

// A reader that closes these must not end the vault.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
const outcome = parseSettings(process.env, (path) => readFileSync(path));
if (!outcome.ok) fail(outcome.errors);
if (outcome.settings.audit.filePath !== null) {
  fail(["SEALWRIGHT_AUDIT_FILE cannot be set: there are no files here"]);
}
if (outcome.settings.storage.kind === "deno-kv") fail([denoKvRefusal("a Worker")]);
// The data is kept beside that of the other runtimes.
const { dataDirectory } = outcome.settings;
const settings = {
  ...outcome.settings,
  dataDirectory: dataDirectory === null ? null : join(dataDirectory, "workers"),
};
const { hostname, port } = settings.listen;
if (!isLoopback(hostname)) {
  fail([`SEALWRIGHT_LISTEN must be a loopback address for workerd: got ${hostname}`]);
}

const style = process.stderr.isTTY ? "text" : "json";
const log = createLog({
  level: settings.logLevel,
  write: writeStderr,
  style,
  nowMs: Date.now,
});
let miniflare;
let server;
try {
  miniflare = new Miniflare(await options(settings));
  await miniflare.ready;
  const { tls } = settings;
  server = await startServer({
    hostname,
    port,
    tls: tls === null ? null : {
      cert: readFileSync(tls.certPath, "utf8"),
      key: readFileSync(tls.keyPath, "utf8"),
    },
    handler: forward,
    log,
    bounds: boundsFor(descriptorLimit()),
  }, listenOnNode);
} catch (error) {
  await miniflare?.dispose();
  fail([`cannot serve on ${hostname}:${port}: ${error.message}`]);
}
let isEnding = false;
for (const signal of ["SIGTERM", "SIGINT"]) {
  // Miniflare's own handlers exit at once, with a status that looks like a failure.
  process.removeAllListeners(signal);
  process.on(signal, async () => {
    if (isEnding) return;
    isEnding = true;
    await server.stop();
    await miniflare.dispose();
    process.exit(0);
  });
}
try {
  await announce();
} catch (error) {
  if (!isEnding) fail([error.message]);
}

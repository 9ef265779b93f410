/**
 * Starts the vault as a process on Deno, Bun or Node: settings from the environment, a SQLite
 * file in the data directory or Deno KV, a timer for the alarm, and an orderly end on SIGTERM or SIGINT. The
 * log goes to stderr, as text on a terminal and as JSON lines elsewhere; stdout is for people.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { randomBytes } from "../../crypto/random.ts";
import { createApp } from "../../http/app.ts";
import { LOG_FLUSH_MAX_MS } from "../../limits.ts";
import { createLog, type Log } from "../../log.ts";
import type { Store } from "../../storage/store.ts";
import { Vault } from "../../vault/vault.ts";
import { createFileDevices, reportUnopenable } from "../audit_file.ts";
import { createAuditSettings } from "../audit_sinks.ts";
import { describeStart, summarizeNextStep, type VaultSituation } from "./banner.ts";
import { clientAddressBehind } from "./client_address.ts";
import { closeVault } from "./close_vault.ts";
import { boundsFor } from "./descriptors.ts";
import type { Listen } from "./http1/listen.ts";
import { startServer } from "./http1/server.ts";
import { createLogOutput, type LogOutput } from "./log_output.ts";
import { openNodeSqlite } from "./node_sqlite.ts";
import type { RequestEnv } from "../raw_target.ts";
import { denoKvRefusal } from "../storage_settings.ts";
import type { Handler } from "./server.ts";
import { MEMORY, parseSettings, SETTING_NAMES, type Settings } from "../settings.ts";
import { createTimerAlarm, type TimerAlarm } from "./timer_alarm.ts";
import { createVaultMarker, type VaultMarker } from "./vault_marker.ts";
import { VERSION } from "../version.ts";

const DATABASE_FILE = "sealwright.db";

/** How the runtimes differ. */
export interface Platform {
  readonly runtime: string;
  readonly listen: Listen;
  /** Limit on open files and connections of the process. */
  readonly descriptors: number;
  /** Opens Deno KV at a path or URL. Only Deno has it. */
  readonly openDenoKv?: (location: string) => Promise<Store>;
}

/** Resolves when the vault is served. Ends the process with status 1 on failure. */
export async function startLocal(platform: Platform): Promise<void> {
  // A reader that closes these must not end the vault.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const settings = readSettings();
  if (settings.storage.kind === "deno-kv" && platform.openDenoKv === undefined) {
    fail([denoKvRefusal(platform.runtime)]);
  }
  const { log, output } = openLog(settings);
  try {
    await run(platform, settings, log, output);
  } catch (error) {
    await output.flush(LOG_FLUSH_MAX_MS);
    fail([describe(error)]);
  }
}

function openLog(settings: Settings): { readonly log: Log; readonly output: LogOutput } {
  const style = process.stderr.isTTY ? "text" : "json";
  const open = (write: (line: string) => void): Log =>
    createLog({ level: settings.logLevel, write, style, nowMs: Date.now });
  const output = createLogOutput((count) => {
    let line = "";
    open((text) => line = text).error("lines of the log were lost: nobody read them", { count });
    return line;
  });
  return { log: open(output.log), output };
}

async function run(
  platform: Platform,
  settings: Settings,
  log: Log,
  output: LogOutput,
): Promise<void> {
  const { runtime, listen, descriptors } = platform;
  let isServing = false;
  process.on("unhandledRejection", (reason) => {
    if (!isServing) fail([describe(reason)]);
    // Nothing awaited this work, so its failure must not end everything else.
    log.error("work in the background failed", { reason: describe(reason) });
  });
  const tls = settings.tls === null ? null : {
    cert: readFileSync(settings.tls.certPath, "utf8"),
    key: readFileSync(settings.tls.keyPath, "utf8"),
  };
  const { vault, alarm } = await openVault(
    settings,
    await openStore(platform, settings),
    log,
    output,
  );
  const handler = createHandler(vault, settings);
  // Before any client can change it.
  const situation = await askSituation(handler);
  const options = { ...settings.listen, tls, handler, log, bounds: boundsFor(descriptors) };
  const server = await startServer(options, listen).catch((cause) => {
    const { hostname, port } = settings.listen;
    throw new Error(`cannot listen on ${hostname}:${port}: ${describe(cause)}`, { cause });
  });
  isServing = true;

  process.on("SIGHUP", () => {
    log.info("reopening audit files", { signal: "SIGHUP" });
    vault.reopenAudit();
  });
  endOnSignal(log, async () => {
    await server.stop();
    await alarm.stop();
    await closeVault(vault);
    await output.flush(LOG_FLUSH_MAX_MS);
  });
  announce(runtime, settings, log, situation);
}

async function openStore(
  { openDenoKv }: Platform,
  { dataDirectory, storage }: Settings,
): Promise<Store> {
  if (storage.kind === "deno-kv" && openDenoKv !== undefined) {
    return await openDenoKv(storage.location);
  }
  return openNodeSqlite(dataDirectory === null ? MEMORY : join(dataDirectory, DATABASE_FILE));
}

/** Opens the vault on its store. Throws if the data directory has lost its vault. */
async function openVault(
  { dataDirectory, seal, audit }: Settings,
  store: Store,
  log: Log,
  output: LogOutput,
): Promise<{ readonly vault: Vault; readonly alarm: TimerAlarm }> {
  const vaultOpened = Promise.withResolvers<Vault>();
  const alarm = createTimerAlarm({
    fire: async () => await (await vaultOpened.promise).fire(),
    nowMs: Date.now,
    log,
  });
  const sinks = { writeConsole: output.write, files: createFileDevices(dataDirectory) };
  reportUnopenable(audit, log);
  const marker = dataDirectory === null ? null : createVaultMarker(dataDirectory);
  const initialized = () => mark(marker, log);
  const vault = await Vault.open({
    store,
    seal,
    nowMs: Date.now,
    alarm,
    random: randomBytes,
    log,
    audit: createAuditSettings(sinks, audit),
    initialized,
  });
  if (vault.status().initialized) initialized();
  else if (marker?.exists() === true) throw new Error(marker.refusal);
  vaultOpened.resolve(vault);
  return { vault, alarm };
}

function createHandler(vault: Vault, settings: Settings): Handler {
  const { rekeyAccess, generateRootAccess, rateLimit, isReachedByTls } = settings;
  const clientAddress = clientAddressBehind(settings.trustedProxies);
  const app = createApp(vault, {
    rekeyAccess,
    generateRootAccess,
    rateLimit,
    clientAddress: (request, env) =>
      clientAddress(
        (env as RequestEnv | undefined)?.peerAddress ?? null,
        request.headers.get("x-forwarded-for"),
      ),
    clientSignal: (_request, env) => (env as RequestEnv | undefined)?.signal ?? null,
    version: VERSION,
    isReachedByTls,
  });
  return (request, env) => app.fetch(request, env);
}

/** Only logs a failure: the vault matters more than its marker. The next start tries again. */
function mark(marker: VaultMarker | null, log: Log): void {
  try {
    marker?.write();
  } catch (error) {
    log.warn("the data directory could not be marked as that of a vault", {
      reason: describe(error),
    });
  }
}

/** Asks as a client would, so this does not depend on the vault's internal states. */
async function askSituation(handler: Handler): Promise<VaultSituation> {
  const path = "/v1/sys/seal-status";
  const request = new Request(`http://vault.invalid${path}`);
  const response = await handler(request, { rawTarget: path, peerAddress: null });
  const body: unknown = await response.json();
  const isTrue = (name: string): boolean =>
    typeof body === "object" && body !== null && Reflect.get(body, name) === true;
  return { initialized: isTrue("initialized"), sealed: isTrue("sealed") };
}

function announce(
  runtime: string,
  settings: Settings,
  log: Log,
  situation: VaultSituation,
): void {
  const { hostname, port } = settings.listen;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = `${settings.tls === null ? "http" : "https"}://${host}:${port}`;
  if (process.stdout.isTTY) {
    process.stdout.write(
      `${describeStart({ runtime, version: VERSION, url, settings, situation })}\n`,
    );
  }
  log.info("serving", { runtime, version: VERSION, url, next: summarizeNextStep(situation) });
}

function endOnSignal(log: Log, end: () => Promise<void>): void {
  let isEnding = false;
  const onSignal = (signal: string): void => {
    if (isEnding) return;
    isEnding = true;
    log.info("stopping", { signal });
    end().then(
      () => process.exit(0),
      (error: unknown) => fail([describe(error)]),
    );
  };
  process.on("SIGTERM", () => onSignal("SIGTERM"));
  process.on("SIGINT", () => onSignal("SIGINT"));
}

function readSettings(): Settings {
  // Name by name, because Deno's permissions do not allow reading the whole environment.
  const variables: Record<string, string | undefined> = {};
  for (const name of SETTING_NAMES) variables[name] = process.env[name];
  const outcome = parseSettings(variables, (path) => readFileSync(path));
  return outcome.ok ? outcome.settings : fail(outcome.errors);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : "unknown error";
}

function fail(lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`sealwright: ${line}\n`);
  process.exit(1);
}

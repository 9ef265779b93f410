/**
 * The vault as a Durable Object, which serves all requests and owns the alarm. It may be evicted at
 * any moment; the next event rebuilds all state outside the store.
 */

import { DurableObject } from "cloudflare:workers";
import type { AlarmInvocationInfo, DurableObjectState } from "@cloudflare/workers-types";
import { randomBytes } from "../../crypto/random.ts";
import { messageOf } from "../../errors.ts";
import { createApp } from "../../http/app.ts";
import { Vault } from "../../vault/vault.ts";
import { createAuditSettings } from "../audit_sinks.ts";
import { errorResponse } from "../error_response.ts";
import { createConsoleLog, writeConsole } from "./console_log.ts";
import { drainedRequest } from "./drained_request.ts";
import { createDurableStore } from "./durable_sqlite.ts";
import { takeOver } from "./hand_over.ts";
import { ObjectAlarm } from "./object_alarm.ts";
import type { RequestEnv } from "../raw_target.ts";
import type { Handler } from "../local/server.ts";
import { parseSettings, SETTING_NAMES, type Settings } from "../settings.ts";
import { VERSION } from "../version.ts";

interface Started {
  readonly vault: Vault;
  readonly serve: Handler;
}

/** Delay after failed work. The platform's own retries stop after six attempts. */
const RETRY_MS = 5000;

export class VaultObject extends DurableObject<Readonly<Record<string, unknown>>> {
  readonly #alarm: ObjectAlarm;
  /** Shared by events that arrive during a start. A failure is not cached. */
  #starting: Promise<Started> | null = null;

  constructor(ctx: DurableObjectState, env: Readonly<Record<string, unknown>>) {
    super(ctx, env);
    this.#alarm = new ObjectAlarm(ctx.storage, Date.now);
  }

  async fetch(request: Request): Promise<Response> {
    let started: Started;
    try {
      started = await this.#start();
    } catch {
      return errorResponse(500, ["the vault cannot start; its log says why"]);
    }
    const drained = drainedRequest(request);
    const { request: served, env } = takeOver(drained.request);
    const response = await started.serve(served, env);
    await drained.drain();
    return response;
  }

  async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await this.#alarm.run(info?.scheduledTime ?? Date.now(), async () => {
      try {
        const { vault } = await this.#start();
        await vault.fire();
      } catch (error) {
        const reason = messageOf(error);
        createConsoleLog("error").error("background work failed, it will be tried again", {
          reason,
        });
        await this.#alarm.set(Date.now() + RETRY_MS);
      }
    });
  }

  #start(): Promise<Started> {
    this.#starting ??= this.#open().catch((error: unknown) => {
      this.#starting = null;
      throw error;
    });
    return this.#starting;
  }

  async #open(): Promise<Started> {
    const settings = readSettings(this.env);
    const log = createConsoleLog(settings.logLevel);
    try {
      const vault = await Vault.open({
        store: createDurableStore(this.ctx.storage),
        seal: settings.seal,
        nowMs: Date.now,
        alarm: { set: (atMs) => this.#alarm.set(atMs) },
        random: randomBytes,
        log,
        audit: createAuditSettings({ writeConsole, files: null }, settings.audit),
      });
      const app = createApp(vault, {
        rekeyAccess: settings.rekeyAccess,
        generateRootAccess: settings.generateRootAccess,
        rateLimit: settings.rateLimit,
        clientAddress: (_request, env) => (env as RequestEnv | undefined)?.peerAddress ?? null,
        version: VERSION,
        isReachedByTls: this.env["LOCAL_SERVER"] !== "http",
      });
      return { vault, serve: (request, env) => app.fetch(request, env) };
    } catch (error) {
      log.error("the vault cannot start", { reason: messageOf(error) });
      throw error;
    }
  }
}

/** Reads the Worker's vars and secrets. Logs each wrong one and throws. */
function readSettings(env: Readonly<Record<string, unknown>>): Settings {
  const variables: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const value = env[name];
    // A var written as a number or boolean in wrangler.toml arrives as one.
    if (value !== undefined && value !== null) variables[name] = String(value);
  }
  const outcome = parseSettings(variables, null);
  if (outcome.ok) return outcome.settings;
  const log = createConsoleLog("error");
  for (const error of outcome.errors) log.error(error);
  throw new Error("the settings are wrong");
}

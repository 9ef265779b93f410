/**
 * Test helper: the whole product in this process. Gives an `Api` whose requests go to the app over a
 * memory store as `Request` objects. The clock moves only when a test moves it. The alarm is a timer,
 * as on a server, or the test fires it. Everything is audited unless a test says otherwise. Log lines,
 * audit lines and exchanges are kept for the check in `../secrecy/`.
 */

import { createApp } from "../../src/http/app.ts";
import type { AccessMode } from "../../src/http/request/call.ts";
import type { Rate } from "../../src/http/request/rate_limit.ts";
import { encodeHex } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { invalidRequest } from "../../src/errors.ts";
import { createLog } from "../../src/log.ts";
import type { SealSettings } from "../../src/seal/kinds.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import type { Store } from "../../src/storage/store.ts";
import { Vault } from "../../src/vault/vault.ts";
import type { AuditSettings } from "../../src/audit/devices.ts";
import type { Api, ApiRequest, ApiResponse } from "../contract/api.contract.ts";
import { evidence } from "../secrecy/evidence.ts";

export const STATIC_SEAL: SealSettings = {
  type: "static",
  current: { id: "k1", key: Uint8Array.from({ length: 32 }, (_, index) => index) },
  previous: null,
};

export interface MemoryApiOptions {
  readonly seal?: SealSettings;
  readonly rekeyAccess?: AccessMode;
  /** `manual`: only `fire()` fires it. */
  readonly alarm?: "timer" | "manual";
  readonly store?: Store;
  /** Left out: no rate limit. */
  readonly rateLimit?: Rate;
  /** `NO_DEVICES`: nothing is audited. Left out: one device from the settings takes every line. */
  readonly audit?: AuditSettings;
  /** Left out: true. */
  readonly isReachedByTls?: boolean;
}

export interface MemoryApi extends Api {
  readonly store: Store;
  readonly clock: { nowMs: number };
  /** Every line logged so far, at the lowest level. */
  readonly log: readonly string[];
  /** Any request, e.g. one with a streamed body. */
  fetch(request: Request): Promise<ApiResponse>;
  /** Stops waiting once `limit` is aborted. */
  stop(limit?: AbortSignal | null): Promise<void>;
  /** Does what the alarm would do now. */
  fire(): Promise<void>;
  /** Fires the alarm until no rewrap is due. */
  settle(token: string): Promise<void>;
  /** Everything stored, to the byte and the revision. */
  snapshot(): Promise<string>;
}

export const ORIGIN = "http://vault.test";
/** The client address of a request; it is unknown without this header. */
export const ADDRESS_HEADER = "x-test-address";
const PAGE = 1000;
/** A longer timeout would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Every line goes to the evidence and nowhere else. */
const AUDIT_EVERYTHING: AuditSettings = {
  devices: [{ type: "evidence", options: {} }],
  sinks: {
    settle: (type, options) => {
      if (type !== "evidence") throw invalidRequest(`unknown backend type: "${type}"`);
      return options;
    },
    open: async () => ({
      write: async (line) => evidence.line("audit-in-process", line),
      reopen: () => {},
      close: async () => {},
    }),
  },
};

export async function startMemoryApi(options: MemoryApiOptions = {}): Promise<MemoryApi> {
  const { seal = { type: "shamir" }, rekeyAccess = "token", alarm = "manual" } = options;
  const store = options.store ?? createMemoryStore();
  const clock = { nowMs: Date.UTC(2026, 0, 2, 3, 4, 5) };
  const lines: string[] = [];
  const nowMs = (): number => clock.nowMs;
  const log = createLog({
    level: "debug",
    write: (line) => {
      lines.push(line);
      evidence.line("log-in-process", line);
    },
    style: "json",
    nowMs,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let vault: Vault | null = null;
  const setTimer = (atMs: number): void => {
    clearTimeout(timer);
    const waitMs = Math.min(Math.max(0, atMs - clock.nowMs), TIMER_MAX_MS);
    timer = setTimeout(() => void vault?.fire(), waitMs);
  };

  const open = async () => {
    const set = alarm === "timer" ? setTimer : () => {};
    const ports = {
      store,
      seal,
      nowMs,
      random: randomBytes,
      log,
      alarm: { set },
      audit: options.audit ?? AUDIT_EVERYTHING,
    };
    vault = await Vault.open(ports);
    const app = createApp(vault, {
      rekeyAccess,
      generateRootAccess: rekeyAccess,
      rateLimit: options.rateLimit ?? null,
      clientAddress: (request) => request.headers.get(ADDRESS_HEADER),
      version: "test",
      isReachedByTls: options.isReachedByTls ?? true,
    });
    return { vault, app };
  };
  let running = await open();

  const fetchOne = async (request: Request): Promise<ApiResponse> => {
    const response = await readResponse(await running.app.fetch(request));
    const { method, headers, url } = request;
    evidence.exchange({
      method,
      target: url.slice(ORIGIN.length),
      headers,
      sent: "",
      received: response.text,
    });
    return response;
  };
  const api: MemoryApi = {
    store,
    clock,
    log: lines,
    fetch: fetchOne,
    request: async (method, path, request = {}) => {
      const init = requestInit(method, request);
      const made = new Request(ORIGIN + path, init);
      const { headers } = made;
      const response = await readResponse(await running.app.fetch(made, { rawTarget: path }));
      const sent = textOf(init.body);
      evidence.exchange({ method, target: path, headers, sent, received: response.text });
      return response;
    },
    async restart() {
      clearTimeout(timer);
      running = await open();
    },
    async stop(limit) {
      vault = null;
      clearTimeout(timer);
      await running.vault.close(limit);
    },
    fire: () => running.vault.fire(),
    async settle(token) {
      for (let slice = 0; slice < 1000; slice++) {
        const path = "/v1/sys/sealwrap/rewrap";
        const status = await api.request("GET", path, { token });
        if (Reflect.get(Object(Reflect.get(Object(status.json), "data")), "is_running") !== true) {
          return;
        }
        await running.vault.fire();
      }
      throw new Error("the rewrap does not end");
    },
    snapshot: () => snapshot(store),
  };
  return api;
}

function requestInit(method: string, { body, token, headers, rawBody }: ApiRequest): RequestInit {
  const sent = new Headers(headers);
  if (token !== undefined) sent.set("X-Vault-Token", token);
  const content = rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
  if (body !== undefined && !sent.has("Content-Type")) sent.set("Content-Type", "application/json");
  return { method, headers: sent, ...(content === undefined ? {} : { body: content }) };
}

/** A body of bytes is malformed on purpose, but any text in it can still be read. */
function textOf(body: RequestInit["body"]): string {
  if (typeof body === "string") return body;
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
}

async function readResponse(response: Response): Promise<ApiResponse> {
  const text = await response.text();
  const isJson = (response.headers.get("content-type") ?? "").includes("application/json");
  const json: unknown = isJson && text !== "" ? JSON.parse(text) : null;
  return { status: response.status, headers: response.headers, text, json };
}

async function snapshot(store: Store): Promise<string> {
  const lines: string[] = [];
  for (let after = "";;) {
    const paths = await store.list("", after, PAGE);
    for (const path of paths) {
      const record = await store.get(path);
      if (record === null) continue;
      const { revision, sealKeyId, bytes } = record;
      lines.push(`${path} ${revision} ${sealKeyId} ${encodeHex(bytes)}`);
    }
    after = paths.at(-1) ?? "";
    if (paths.length < PAGE) return lines.join("\n");
  }
}

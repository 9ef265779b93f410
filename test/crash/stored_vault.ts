/**
 * What a stopped process leaves behind (a site), and vaults opened on it (sessions). Requests go through
 * the HTTP app, the alarm fires when the test fires it, and the clock moves only to the alarm.
 */

import { type RandomBytes, randomBytes } from "../../src/crypto/random.ts";
import { createApp } from "../../src/http/app.ts";
import { createLog } from "../../src/log.ts";
import type { SealSettings } from "../../src/seal/kinds.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import type { Store, Write } from "../../src/storage/store.ts";
import { Vault } from "../../src/vault/vault.ts";
import { evidence } from "../secrecy/evidence.ts";

export type Json = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly status: number;
  /** {} if the answer has no body. */
  readonly body: Json;
}

/** One HTTP request to the vault; the path is below `/v1/`. */
export type Send = (method: string, path: string, body?: Json) => Promise<Answer>;

/** The process died before it answered. */
export class Gone extends Error {
  override readonly name = "Gone";
}

export interface Site {
  readonly store: Store;
  /** Makes an empty store of the same kind, for a copy. */
  readonly newStore: NewStore;
  readonly seal: SealSettings;
  nowMs: number;
}

export type NewStore = () => Promise<Store>;

export interface Session {
  readonly vault: Vault;
  readonly send: Send;
  /** Fires the alarm until nothing is due within the next hour. Rejects with `Gone`. */
  work(): Promise<void>;
  /** Fires the alarm once, if it is due within the next hour. */
  workOnce(): Promise<boolean>;
}

export interface SessionOptions {
  readonly token?: string;
  readonly random?: RandomBytes;
  /** Resolves when the process counts as dead. */
  readonly dead?: Promise<void>;
}

/** Longer than any pause of a rewrap, shorter than a ceremony's life. */
const WORK_HORIZON_MS = 60 * 60 * 1000;
const WORK_MAX = 1000;
const RETRY_MS = 1000;

const log = createLog({
  level: "debug",
  write: (line) => evidence.line("log-in-process", line),
  style: "json",
  nowMs: () => 0,
});

/** Copies of the site are in memory, whatever `store` is. */
export function newSite(seal: SealSettings, store: Store = createMemoryStore()): Site {
  return { store, newStore: async () => createMemoryStore(), seal, nowMs: Date.UTC(2026, 0, 1) };
}

/** A site on a store of its own, as all copies of it. */
export async function newSiteOn(newStore: NewStore, seal: SealSettings): Promise<Site> {
  return { ...newSite(seal, await newStore()), newStore };
}

/** A copy of the site with its records in a store of their own. */
export async function copySite(site: Site): Promise<Site> {
  const store = await site.newStore();
  const writes: Write[] = [];
  for (const path of await site.store.list("", "", Number.MAX_SAFE_INTEGER)) {
    const record = await site.store.get(path);
    if (record !== null) writes.push({ path, bytes: record.bytes, sealKeyId: record.sealKeyId });
  }
  while (writes.length > 0) {
    await store.commit({ writes: writes.splice(0, store.limits.commitMaxWrites) });
  }
  return { ...site, store };
}

/** Opens a vault on the site, like a start of the process. Rejects with `Gone`. */
export async function openSession(site: Site, options: SessionOptions = {}): Promise<Session> {
  const { token, random = randomBytes, dead } = options;
  let alarmMs: number | null = null;

  async function unlessDead<Result>(work: Promise<Result>): Promise<Result> {
    if (dead === undefined) return await work;
    const gone = dead.then(() => {
      throw new Gone("the process died");
    });
    return await Promise.race([work, gone]);
  }

  const vault = await unlessDead(Vault.open({
    store: site.store,
    seal: site.seal,
    nowMs: () => site.nowMs,
    alarm: { set: (atMs) => void (alarmMs = Math.min(alarmMs ?? atMs, atMs)) },
    random,
    log,
  }));
  const app = createApp(vault, {
    rekeyAccess: "token",
    generateRootAccess: "token",
    clientAddress: () => null,
    version: "0",
    isReachedByTls: false,
  });

  async function workOnce(): Promise<boolean> {
    if (alarmMs === null || alarmMs > site.nowMs + WORK_HORIZON_MS) return false;
    site.nowMs = Math.max(site.nowMs, alarmMs);
    alarmMs = null;
    try {
      await unlessDead(vault.fire());
    } catch (error) {
      if (error instanceof Gone) throw error;
      alarmMs = site.nowMs + RETRY_MS;
    }
    return true;
  }

  return {
    vault,
    send: async (method, path, body) => {
      const target = `/v1/${path}`;
      const headers = token === undefined ? {} : { "x-vault-token": token };
      const sent = body === undefined ? "" : JSON.stringify(body);
      const init = { method, headers, ...(body === undefined ? {} : { body: sent }) };
      const response = await unlessDead(Promise.resolve(app.request(target, init)));
      const text = await response.text();
      evidence.exchange({ method, target, headers: Object.entries(headers), sent, received: text });
      return { status: response.status, body: text === "" ? {} : JSON.parse(text) as Json };
    },
    workOnce,
    work: async () => {
      for (let round = 0; round < WORK_MAX; round++) if (!await workOnce()) return;
      throw new Error("the background work does not end");
    },
  };
}

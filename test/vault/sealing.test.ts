/** Sealing ends or fails whatever had begun, and no fault of the store keeps a vault open. */

import { beforeEach, describe, expect, it } from "vitest";
import { VaultError } from "../../src/errors.ts";
import { createApp } from "../../src/http/app.ts";
import { KEY_CHANGE_RETRY_MS } from "../../src/limits.ts";
import { createLog } from "../../src/log.ts";
import type { SealSettings } from "../../src/seal/kinds.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import type { Store } from "../../src/storage/store.ts";
import { Vault } from "../../src/vault/vault.ts";
import { codeOf } from "../barrier/doubles.ts";

type Json = Readonly<Record<string, unknown>>;

let nowMs: number;
/** The cause of every failing commit; null while commits succeed. */
let fault: Error | null;
let lines: Json[];
let vault: Vault;
let keys: readonly string[];
let token: string;
let send: (method: string, path: string, body?: Json) => Promise<{ status: number; body: Json }>;

function unreliable(): Store {
  const inner = createMemoryStore();
  return {
    ...inner,
    commit: async (commit) => {
      if (fault === null) return await inner.commit(commit);
      throw new VaultError("store_failed", "cannot commit: the database failed", { cause: fault });
    },
  };
}

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  fault = null;
  lines = [];
  token = "";
  const log = createLog({
    level: "debug",
    style: "json",
    write: (line) => lines.push(JSON.parse(line) as Json),
    nowMs: () => nowMs,
  });
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  vault = await Vault.open({
    store: unreliable(),
    seal: { type: "shamir" },
    nowMs: () => nowMs,
    alarm: { set: () => {} },
    random,
    log,
  });
  const app = createApp(vault, {
    rekeyAccess: "token",
    generateRootAccess: "token",
    clientAddress: () => null,
    version: "0",
    isReachedByTls: false,
  });
  send = async (method, path, body) => {
    const init = { method, headers: { "x-vault-token": token } };
    const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) };
    const response = await app.request(`/v1/${path}`, sent);
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) as Json };
  };
  const made = await send("PUT", "sys/init", { secret_shares: 2, secret_threshold: 2 });
  keys = made.body["keys"] as readonly string[];
  token = String(made.body["root_token"]);
  await unseal();
  await send("POST", "sys/mounts/kv", { type: "kv" });
});

async function unseal(): Promise<void> {
  for (const key of keys) expect((await send("PUT", "sys/unseal", { key })).status).toBe(200);
  expect(vault.status().sealed).toBe(false);
}

const errors = () => lines.filter(({ level }) => level === "error").map(({ message }) => message);

describe("barrier of a sealed vault", () => {
  it("a barrier refuses every read and commit after sealing, even once the vault is open again", async () => {
    const { barrier, tokens } = vault.unsealed();
    const change = { entries: [{ path: "a", value: Uint8Array.of(1) }] };
    await barrier.commit(change);
    const past = [
      () => barrier.get("a"),
      () => barrier.has("a"),
      () => barrier.list("", "", 1),
      () => barrier.commit(change),
      () => barrier.exclusively(() => barrier.commitHeld(change)),
      () => barrier.encrypt(change.entries),
      () => barrier.deriveMacKey("x"),
      () => barrier.deriveCredentialKey("x", Uint8Array.of(1)),
      () => barrier.keyring,
      () => barrier.outer,
      () => tokens.find(token),
    ];
    for (const use of past) expect(await codeOf(use)).toBe("no error");
    await vault.seal();
    for (const use of past) expect(await codeOf(use)).toBe("sealed");
    await unseal();
    for (const use of past) expect(await codeOf(use)).toBe("sealed");
    expect((await send("GET", "auth/token/lookup-self")).status).toBe(200);
  });

  it("a read begun before sealing ends, and a commit after it stores nothing", async () => {
    const { barrier } = vault.unsealed();
    await barrier.commit({ entries: [{ path: "a", value: Uint8Array.of(1) }] });
    const sealing = vault.seal();
    const reading = codeOf(() => barrier.get("a"));
    await sealing;
    expect(["sealed", "no error"]).toContain(await reading);
    const writing = codeOf(() => barrier.commit({ entries: [{ path: "b", value: null }] }));
    expect(await writing).toBe("sealed");
  });
});

describe("vault whose store takes no commit", () => {
  const full = new Error("database or disk is full");

  it("a vault can be sealed, and forgets its keys, when its store takes no commit", async () => {
    const { barrier } = vault.unsealed();
    fault = full;
    expect((await send("PUT", "sys/seal")).status).toBe(204);
    expect(vault.status().sealed).toBe(true);
    expect((await send("GET", "kv/a")).status).toBe(503);
    expect(await codeOf(() => barrier.get("a"))).toBe("sealed");
    await unseal();
    expect((await send("GET", "sys/mounts")).status).toBe(200);
  });

  it("an attempt ends with a seal even if the store could not record that", async () => {
    const body = { secret_shares: 3, secret_threshold: 2 };
    const { nonce } = (await send("PUT", "sys/rekey/init", body)).body;
    fault = full;
    await send("PUT", "sys/seal");
    await unseal();
    const update = { key: keys[0], nonce };
    expect((await send("PUT", "sys/rekey/update", update)).status).toBe(500);
    fault = null;
    expect((await send("PUT", "sys/rekey/update", update)).status).toBe(400);
    expect((await send("GET", "sys/rekey/init")).body["started"]).toBe(false);
  });

  it("a 500 response has its cause in the log, and nothing of the request", async () => {
    fault = full;
    lines = [];
    expect((await send("PUT", "kv/a", { secret: "hunter2" })).status).toBe(500);
    expect(lines).toMatchObject([{
      level: "error",
      message: "request failed",
      path: "kv/a",
      reason: "store_failed: cannot commit: the database failed: database or disk is full",
    }]);
    expect(JSON.stringify(lines)).not.toContain("hunter2");
  });

  it("a vault serves on under the old term when rotation fails, and tries again later", async () => {
    await send("POST", "sys/rotate/config", { interval: "24h" });
    nowMs += 25 * 60 * 60 * 1000;
    fault = full;
    lines = [];
    for (let request = 0; request < 5; request++) {
      expect((await send("GET", "sys/health")).status).toBe(200);
    }
    expect(errors()).toEqual(["the keyring could not be rotated; it is tried again"]);
    expect((await send("GET", "sys/key-status")).body["term"]).toBe(1);
    nowMs += KEY_CHANGE_RETRY_MS;
    await send("GET", "sys/health");
    expect(errors()).toHaveLength(2);
    fault = null;
    nowMs += KEY_CHANGE_RETRY_MS;
    await send("GET", "sys/health");
    expect((await send("GET", "sys/key-status")).body["term"]).toBe(2);
    expect(errors()).toHaveLength(2);
  });
});

describe("static key change on a full disk", () => {
  const key = (id: string) => ({ id, key: crypto.getRandomValues(new Uint8Array(32)) });
  const [one, two] = [key("one"), key("two")];

  it("a changed static key opens by the previous key while the disk is full, then takes over", async () => {
    const store = unreliable();
    const open = async (seal: SealSettings) =>
      await Vault.open({
        store,
        seal,
        nowMs: () => nowMs,
        alarm: { set: () => {} },
        random: (length) => crypto.getRandomValues(new Uint8Array(length)),
        log: createLog({
          level: "debug",
          style: "json",
          write: (line) => lines.push(JSON.parse(line) as Json),
          nowMs: () => nowMs,
        }),
      });
    const first = await open({ type: "static", current: one, previous: null });
    const counts = { shares: 0, threshold: 0 };
    await first.initialize({ counts, recipients: null, rootTokenRecipient: null });
    fault = new Error("database or disk is full");
    lines = [];
    const second = await open({ type: "static", current: two, previous: one });
    expect(second.status().sealed).toBe(false);
    expect(errors()).toEqual([
      "records could not be brought to the current seal key; it is tried again",
    ]);
    await second.wake();
    expect(errors()).toHaveLength(1);
    fault = null;
    nowMs += KEY_CHANGE_RETRY_MS;
    await second.wake();
    expect(second.unsealed().config.sealKeyId).toBe("two");
    await second.fire();
    const third = await open({ type: "static", current: two, previous: null });
    expect(third.status().sealed).toBe(false);
  });
});

describe("rotation due at sealing", () => {
  it("a rotation due at sealing fails no request and runs after the next unseal", async () => {
    await send("POST", "sys/rotate/config", { interval: "24h" });
    nowMs += 25 * 60 * 60 * 1000;
    lines = [];
    const answers = await Promise.all([
      vault.seal(),
      ...Array.from({ length: 5 }, () => send("GET", "sys/health")),
    ]);
    expect(answers.slice(1).map((answer) => (answer as { status: number }).status))
      .toEqual(Array(5).fill(503));
    await unseal();
    await send("GET", "sys/health");
    expect((await send("GET", "sys/key-status")).body["term"]).toBe(2);
    expect(errors()).toEqual([]);
  });
});

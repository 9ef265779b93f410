/** `sys/sealwrap/rewrap` as a client sees it: its answers and counters, and what a run survives. */

import { describe, expect, it } from "vitest";
import { VaultError } from "../../../../src/errors.ts";
import { REWRAP_BATCH_ENTRIES } from "../../../../src/limits.ts";
import type { SealSettings } from "../../../../src/seal/kinds.ts";
import { createMemoryStore } from "../../../../src/storage/memory_store.ts";
import type { Store } from "../../../../src/storage/store.ts";
import {
  type Api,
  type ApiResponse,
  at,
  initialise,
  initialiseOpen,
  PERMISSION_DENIED,
  POLICY_DENIED,
  textAt,
  textsAt,
  unseal,
  UNSUPPORTED_OPERATION,
} from "../../../contract/api.contract.ts";
import { startMemoryApi, STATIC_SEAL } from "../../memory_api.ts";
import { tokenWith } from "../../stages.ts";

const PATH = "/v1/sys/sealwrap/rewrap";
const KEYS = 20;
/** Seal-wrapped besides the secrets: root key and keyring. */
const CORE_ENTRIES = 2;
/** One more: the recovery key of a static seal, or the keys that a rekey of a Shamir seal replaced. */
const STATIC_ENTRIES = CORE_ENTRIES + 1;
const REKEYED_ENTRIES = CORE_ENTRIES + 1;

const NEXT_KEY = { id: "k2", key: new Uint8Array(32).fill(7) };
const NEXT_SEAL: SealSettings = { type: "static", current: NEXT_KEY, previous: null };
const BOTH_SEALS: SealSettings = {
  type: "static",
  current: NEXT_KEY,
  previous: STATIC_SEAL.type === "static" ? STATIC_SEAL.current : null,
};

async function fill(api: Api, token: string, count = KEYS): Promise<void> {
  const body = { type: "kv", seal_wrap: true };
  await api.request("POST", "/v1/sys/mounts/kv", { token, body });
  await Promise.all(
    Array.from(
      { length: count },
      (_, index) => api.request("PUT", `/v1/kv/${index}`, { token, body: { index } }),
    ),
  );
}

async function expectAll(api: Api, token: string, count = KEYS): Promise<void> {
  const reads = await Promise.all(
    Array.from({ length: count }, (_, index) => api.request("GET", `/v1/kv/${index}`, { token })),
  );
  const wrong = reads.filter(({ json }, index) => at(json, "data", "index") !== index);
  expect(wrong).toEqual([]);
}

/** A vault with a static seal and secrets. */
async function staticVault(options: { readonly store?: Store; readonly count?: number } = {}) {
  const { store = createMemoryStore(), count } = options;
  const api = await startMemoryApi({ seal: STATIC_SEAL, store });
  const { root: token } = await initialise(api, 1, 1, "static");
  await fill(api, token, count);
  return { api, token, store };
}

/** The same storage under another seal key, with its rewrap begun. */
async function staleVault(count?: number, wrap: (store: Store) => Store = (store) => store) {
  const { token, store } = await staticVault(count === undefined ? {} : { count });
  const api = await startMemoryApi({ seal: BOTH_SEALS, store: wrap(store) });
  return { api, token, store };
}

function get(api: Api, token: string, query = ""): Promise<ApiResponse> {
  return api.request("GET", PATH + query, { token });
}

async function entriesOf(api: Api, token: string): Promise<unknown> {
  return at((await get(api, token)).json, "data", "entries");
}

async function runOf(api: Api, token: string): Promise<unknown> {
  return at((await get(api, token, "?detail=true")).json, "data", "run");
}

async function inventoryOf(api: Api, token: string): Promise<unknown> {
  return at((await get(api, token, "?inventory=true")).json, "data", "inventory");
}

function done(entries: number): unknown {
  return { processed: entries, succeeded: entries, failed: 0 };
}

describe("rewrap status", () => {
  it("the rewrap status has exactly the documented members before, during and after a run", async () => {
    const { api, token } = await staticVault();
    const members = ["entries", "is_running"];
    const envelope = await get(api, token);
    expect(envelope.json).toEqual({
      request_id: textAt(envelope.json, "request_id"),
      lease_id: "",
      renewable: false,
      lease_duration: 0,
      data: { entries: done(0), is_running: false },
      wrap_info: null,
      warnings: null,
      auth: null,
    });
    expect((await api.request("POST", PATH, { token })).status).toBe(204);
    const running = await get(api, token);
    expect(Object.keys(Object(at(running.json, "data")))).toEqual(members);
    expect(at(running.json, "data", "is_running")).toBe(true);
    await api.settle(token);
    const after = await get(api, token);
    expect(at(after.json, "data")).toEqual({
      entries: done(KEYS + STATIC_ENTRIES),
      is_running: false,
    });
  });

  it("the rewrap status shows its run only with detail=true", async () => {
    const { api, token } = await staticVault();
    expect(await runOf(api, token)).toBeNull();
    await api.request("POST", PATH, { token });
    await api.settle(token);
    const self = await api.request("GET", "/v1/auth/token/lookup-self", { token });
    expect(await runOf(api, token)).toMatchObject({
      reason: "manual",
      result: "completed",
      started_by: textAt(self.json, "data", "accessor"),
      target_key_id: "k1",
      total: KEYS + STATIC_ENTRIES,
      skipped: KEYS + STATIC_ENTRIES,
      failures: [],
      paused_until: null,
    });
    for (const query of ["", "?detail=false", "?detail=x", "?inventory=true"]) {
      expect(at((await get(api, token, query)).json, "data", "run")).toBeUndefined();
    }
  });

  it("the last rewrap stays in the status over seal and restart until the next begins", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 1, 1);
    await fill(api, token);
    await api.request("POST", PATH, { token });
    await api.settle(token);
    const before = await runOf(api, token);
    await api.request("PUT", "/v1/sys/seal", { token });
    await unseal(api, shares);
    expect(await runOf(api, token)).toEqual(before);
    await api.restart();
    await unseal(api, shares);
    expect(await runOf(api, token)).toEqual(before);
    expect(await entriesOf(api, token)).toEqual(done(KEYS + CORE_ENTRIES));
    await api.request("POST", PATH, { token });
    expect(await entriesOf(api, token)).toEqual(done(0));
  });

  it("the rewrap inventory has the number of entries of each seal key", async () => {
    const { api, token } = await staleVault();
    // The core records were rewrapped at start; the secrets wait for the run.
    expect(await inventoryOf(api, token)).toEqual({ k1: KEYS, k2: STATIC_ENTRIES });
    await api.settle(token);
    expect(await inventoryOf(api, token)).toEqual({ k2: KEYS + STATIC_ENTRIES });
  });
});

describe("rewrap starts", () => {
  it("starting a rewrap answers 204, or 200 with the status if one is running", async () => {
    const { api, token } = await staticVault();
    const first = await api.request("POST", PATH, { token, body: {} });
    expect([first.status, first.text]).toEqual([204, ""]);
    const second = await api.request("PUT", PATH, { token });
    expect(second.status).toBe(200);
    expect(second.json).toMatchObject({
      data: { entries: done(0), is_running: true },
      warnings: ["rewrap already running"],
      auth: null,
      wrap_info: null,
    });
    await api.settle(token);
    expect((await api.request("POST", PATH, { token, rawBody: "null" })).status).toBe(204);
  });

  it("a rewrap with nothing stale ends at once and counts every entry as succeeded", async () => {
    const { api, token } = await staticVault();
    for (let round = 0; round < 2; round++) {
      await api.request("POST", PATH, { token });
      await api.fire();
      expect(at((await get(api, token)).json, "data")).toEqual({
        entries: done(KEYS + STATIC_ENTRIES),
        is_running: false,
      });
    }
  });

  it("a changed seal key starts a rewrap, after which the old key is not needed", async () => {
    const { api, token, store } = await staleVault();
    expect(await runOf(api, token)).toMatchObject({
      reason: "seal_key_change",
      target_key_id: "k2",
      started_by: null,
    });
    await expectAll(api, token);
    await api.settle(token);
    const alone = await startMemoryApi({ seal: NEXT_SEAL, store });
    await expectAll(alone, token);
  });

  it("an unfinished rewrap leaves secrets on the old seal key, and a later one finishes it", async () => {
    const { store, token } = await staleVault();
    const alone = await startMemoryApi({ seal: NEXT_SEAL, store });
    const status = await alone.request("GET", "/v1/sys/seal-status");
    expect(status.json).toMatchObject({ sealed: false });
    const read = await alone.request("GET", "/v1/kv/0", { token });
    expect(read.status).toBe(500);
    expect(textAt(read.json, "errors", 0)).toBe(
      "internal error: a stored record could not be decrypted",
    );
    await alone.settle(token);
    expect(await entriesOf(alone, token)).toEqual({
      processed: KEYS + STATIC_ENTRIES,
      succeeded: STATIC_ENTRIES,
      failed: KEYS,
    });
    expect(at(await runOf(alone, token), "failures", 0)).toMatchObject({
      seal_key_id: "k1",
      error: "unknown_key",
    });
    const both = await startMemoryApi({ seal: BOTH_SEALS, store });
    await both.request("POST", PATH, { token });
    await both.settle(token);
    expect(await entriesOf(both, token)).toEqual(done(KEYS + STATIC_ENTRIES));
    await expectAll(both, token);
  });

  it("a rekey starts a rewrap", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 1, 1);
    await fill(api, token);
    await rekey(api, token, shares);
    expect(at(await runOf(api, token), "reason")).toBe("rekey");
    expect(Object.keys(Object(await inventoryOf(api, token)))).toHaveLength(2);
    await api.settle(token);
    expect(Object.values(Object(await inventoryOf(api, token)))).toEqual([KEYS + CORE_ENTRIES]);
    expect(await entriesOf(api, token)).toEqual(done(KEYS + REKEYED_ENTRIES));
    await expectAll(api, token);
  });

  it("a rewrap that resumes after a restart is logged once", async () => {
    const { api, token } = await staleVault(1200);
    await api.fire();
    await api.restart();
    await api.settle(token);
    const resumed = api.log.filter((line) => line.includes("seal re-wrap resumed: cursor="));
    expect(resumed).toHaveLength(1);
  });

  it("a rewrap logs its start, progress and end in the reference's words", async () => {
    const { api, token } = await staleVault(1200);
    await api.settle(token);
    const total = 1200 + STATIC_ENTRIES;
    const lines = api.log.filter((line) => line.includes("seal.rewrap"));
    expect(lines.some((line) => line.includes("seal re-wrap started: reason=seal_key_change")))
      .toBe(true);
    expect(lines.some((line) => line.includes("seal re-wrap progress: processed="))).toBe(true);
    const completed = "seal.rewrap: seal re-wrap completed: entry processing stats: " +
      `succeeded=${total} failed=0 total=${total}`;
    const last = lines.filter((line) => line.includes(completed));
    expect(last).toHaveLength(1);
    expect(last[0]).toContain('"level":"info"');
  });
});

async function rekey(
  api: Api,
  token: string,
  shares: readonly string[],
): Promise<readonly string[]> {
  const body = { secret_shares: 1, secret_threshold: 1 };
  const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
  const given = { key: shares[0], nonce: textAt(started.json, "nonce") };
  const made = await api.request("PUT", "/v1/sys/rekey/update", { token, body: given });
  return textsAt(made.json, "keys");
}

const LARGE = 2 * REWRAP_BATCH_ENTRIES + 200;

describe("rewrap runs", () => {
  it("rewrap counters never fall, and processed is always succeeded + failed", async () => {
    const { api, token } = await staleVault(LARGE);
    let last = 0;
    for (let slice = 0; slice < 8; slice++) {
      await api.fire();
      const entries = await entriesOf(api, token);
      const processed = Number(at(entries, "processed"));
      expect(processed).toBeGreaterThanOrEqual(last);
      expect(processed).toBe(Number(at(entries, "succeeded")) + Number(at(entries, "failed")));
      last = processed;
    }
    expect(last).toBe(LARGE + STATIC_ENTRIES);
  });

  it("a rewrap resumes after restarts with its counters and counts nothing twice", async () => {
    const { api, token } = await staleVault(LARGE);
    await api.fire();
    const [run, entries] = [await runOf(api, token), await entriesOf(api, token)];
    expect(at(entries, "processed")).toBe(REWRAP_BATCH_ENTRIES + STATIC_ENTRIES);
    await api.restart();
    expect(at((await get(api, token)).json, "data")).toEqual({ entries, is_running: true });
    await api.restart();
    await api.fire();
    await api.restart();
    await api.settle(token);
    expect(at(await runOf(api, token), "run_id")).toBe(at(run, "run_id"));
    expect(await entriesOf(api, token)).toEqual(done(LARGE + STATIC_ENTRIES));
    await expectAll(api, token, LARGE);
  });

  it("a rewrap pauses while the vault is sealed and resumes after the unseal", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 1, 1);
    await fill(api, token, LARGE);
    const fresh = await rekey(api, token, shares);
    await api.fire();
    const before = await entriesOf(api, token);
    await api.request("PUT", "/v1/sys/seal", { token });
    for (const method of ["GET", "POST", "DELETE"]) {
      const sealed = await api.request(method, PATH, { token });
      expect([sealed.status, sealed.json]).toEqual([503, { errors: ["Vault is sealed"] }]);
    }
    await api.fire();
    await unseal(api, fresh);
    expect(await entriesOf(api, token)).toEqual(before);
    await api.settle(token);
    expect(await entriesOf(api, token)).toEqual(done(LARGE + REKEYED_ENTRIES));
    await expectAll(api, token, LARGE);
  });

  it("a cancelled rewrap stops where it is, and the next one does the rest", async () => {
    const { api, token } = await staleVault(LARGE);
    await api.fire();
    const cancelled = await api.request("DELETE", PATH, { token });
    expect([cancelled.status, cancelled.text]).toEqual([204, ""]);
    expect((await api.request("DELETE", PATH, { token })).status).toBe(204);
    await api.fire();
    expect(at((await get(api, token)).json, "data")).toEqual({
      entries: done(REWRAP_BATCH_ENTRIES + STATIC_ENTRIES),
      is_running: false,
    });
    expect(at(await runOf(api, token), "result")).toBe("cancelled");
    await expectAll(api, token, LARGE);
    await api.request("POST", PATH, { token });
    await api.settle(token);
    expect(await entriesOf(api, token)).toEqual(done(LARGE + STATIC_ENTRIES));
    expect(await inventoryOf(api, token)).toEqual({ k2: LARGE + STATIC_ENTRIES });
  });

  it("a rewrap interrupted by a second rekey ends on the newest key", async () => {
    const api = await startMemoryApi();
    const { root: token, shares } = await initialiseOpen(api, 1, 1);
    await fill(api, token, LARGE);
    const second = await rekey(api, token, shares);
    await api.fire();
    const third = await rekey(api, token, second);
    await api.settle(token);
    expect(Object.keys(Object(await inventoryOf(api, token)))).toHaveLength(1);
    await api.restart();
    expect((await unseal(api, second)).status).toBe(400);
    expect((await unseal(api, third)).json).toMatchObject({ sealed: false });
    await expectAll(api, token, LARGE);
  });

  it("a rewrap does not undo writes and deletes made during its batch", async () => {
    let meanwhile: (() => Promise<void>) | null = null;
    const { api, token } = await staleVault(KEYS, (store) => ({
      ...store,
      async wrappedBy(...given) {
        const page = await store.wrappedBy(...given);
        const work = meanwhile;
        meanwhile = null;
        if (page.records.length > 0) await work?.();
        return page;
      },
    }));
    meanwhile = async () => {
      await api.request("PUT", "/v1/kv/3", { token, body: { index: "newer" } });
      await api.request("DELETE", "/v1/kv/4", { token });
    };
    await api.settle(token);
    expect(meanwhile).toBeNull();
    const written = await api.request("GET", "/v1/kv/3", { token });
    expect(at(written.json, "data")).toEqual({ index: "newer" });
    expect((await api.request("GET", "/v1/kv/4", { token })).status).toBe(404);
    expect(await inventoryOf(api, token)).toEqual({ k2: KEYS - 1 + STATIC_ENTRIES });
    expect(at(await entriesOf(api, token), "failed")).toBe(0);
  });

  it("a rewrap pauses while the store fails, and then completes", async () => {
    let failures = 3;
    const { api, token } = await staleVault(KEYS, (store) => ({
      ...store,
      async wrappedBy(...given) {
        if (failures > 0) {
          failures -= 1;
          throw new VaultError("store_failed", "the disk is away");
        }
        return await store.wrappedBy(...given);
      },
    }));
    await api.fire();
    expect(failures).toBe(2);
    expect(at((await get(api, token)).json, "data", "is_running")).toBe(true);
    expect(at(await runOf(api, token), "paused_until")).not.toBeNull();
    await api.fire();
    expect(failures).toBe(2);
    for (let minute = 0; minute < 5; minute++) {
      api.clock.nowMs += 60_000;
      await api.fire();
    }
    await api.settle(token);
    expect(failures).toBe(0);
    expect(await entriesOf(api, token)).toEqual(done(KEYS + STATIC_ENTRIES));
    expect(at(await runOf(api, token), "result")).toBe("completed");
  });

  it("a rewrap counts and lists an entry that does not decrypt, and goes on", async () => {
    const { api, token, store } = await staleVault();
    const path = await spoilOne(store);
    await api.settle(token);
    const total = KEYS + STATIC_ENTRIES;
    const entries = { processed: total, succeeded: total - 1, failed: 1 };
    expect(at((await get(api, token)).json, "data")).toEqual({ entries, is_running: false });
    expect(await runOf(api, token)).toMatchObject({
      result: "completed_with_failures",
      failures: [{ path, seal_key_id: "k1", error: "ciphertext_rejected" }],
    });
    expect(await inventoryOf(api, token)).toEqual({ k1: 1, k2: total - 1 });
    const warned = api.log.filter((line) => line.includes('"level":"warn"'));
    expect(warned.some((line) => line.includes(`entry failed: key=${path}`))).toBe(true);
    expect(warned.some((line) => line.includes(`succeeded=${total - 1} failed=1`))).toBe(true);
    expect((await api.request("POST", PATH, { token })).status).toBe(204);
    await api.settle(token);
    expect(await entriesOf(api, token)).toEqual(entries);
  });
});

/** Flips the last bit of one stored secret. Resolves to its path. */
async function spoilOne(store: Store): Promise<string> {
  const { records } = await store.wrappedBy("k1", null, 1, Number.MAX_SAFE_INTEGER);
  const [record] = records;
  if (record === undefined) throw new Error("nothing is wrapped by k1");
  const bytes = Uint8Array.from(record.bytes);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await store.commit({ writes: [{ path: record.path, bytes, sealKeyId: "k1" }] });
  return record.path;
}

describe("rewrap endpoint", () => {
  it("each method of sys/sealwrap/rewrap needs its own capability", async () => {
    const { api, token: root } = await staticVault();
    const reader = await tokenWith(
      api,
      root,
      'path "sys/sealwrap/rewrap" { capabilities = ["read"] }',
    );
    const operator = await tokenWith(
      api,
      root,
      'path "sys/sealwrap/rewrap" { capabilities = ["create", "read", "update"] }',
    );
    const ask = async (method: string, token?: string) => {
      const answer = await api.request(method, PATH, token === undefined ? {} : { token });
      return [answer.status, answer.status === 403 ? answer.json : null];
    };
    expect(await ask("GET")).toEqual([403, PERMISSION_DENIED]);
    expect(await ask("POST", "s.bad")).toEqual([403, PERMISSION_DENIED]);
    expect(await ask("GET", reader)).toEqual([200, null]);
    expect(await ask("POST", reader)).toEqual([403, POLICY_DENIED]);
    expect(await ask("DELETE", reader)).toEqual([403, POLICY_DENIED]);
    expect(await ask("POST", operator)).toEqual([204, null]);
    expect(await ask("DELETE", operator)).toEqual([403, POLICY_DENIED]);
    expect(await ask("DELETE", root)).toEqual([204, null]);
  });

  it("sys/sealwrap/rewrap refuses all other methods", async () => {
    const { api, token } = await staticVault();
    const patch = (type: string | null) =>
      api.request("PATCH", PATH, {
        token,
        rawBody: "{}",
        headers: type === null ? { "Content-Type": "" } : { "Content-Type": type },
      });
    const list = await api.request("LIST", PATH, { token });
    expect([list.status, list.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    const query = await get(api, token, "?list=true");
    expect([query.status, query.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    const merge = await patch("application/merge-patch+json");
    expect([merge.status, merge.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    const plain = await patch("application/json");
    expect([plain.status, plain.json]).toEqual([
      415,
      {
        errors: [
          "PATCH requires Content-Type of application/merge-patch+json, provided application/json",
        ],
      },
    ]);
    const none = await patch(null);
    expect([none.status, none.json]).toEqual([400, { errors: ["mime: no media type"] }]);
    const head = await api.request("HEAD", PATH, { token });
    expect([head.status, head.text]).toEqual([405, ""]);
    // As in the reference, whose servers use this method among themselves.
    expect((await api.request("OPTIONS", PATH, { token })).status).toBe(400);
  });

  it("sys/sealwrap/rewrap serves the root namespace only", async () => {
    const { api, token } = await staticVault();
    const before = await api.snapshot();
    const headers = { "X-Vault-Namespace": "team" };
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      const answer = await api.request(method, PATH, { token, headers });
      expect([answer.status, answer.json]).toEqual([
        400,
        { errors: ["operation unavailable in namespaces"] },
      ]);
    }
    expect(await api.snapshot()).toBe(before);
  });

  it("sys/sealwrap/rewrap ignores the contents of a body but refuses a malformed one", async () => {
    const { api, token } = await staticVault();
    const bad = await api.request("POST", PATH, { token, rawBody: "{" });
    expect(bad.status).toBe(400);
    expect(at((await get(api, token)).json, "data", "is_running")).toBe(false);
    const good = await api.request("POST", PATH, { token, body: { anything: [1, 2] } });
    expect(good.status).toBe(204);
  });
});

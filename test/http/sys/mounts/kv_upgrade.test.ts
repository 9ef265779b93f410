/** Upgrades of a kv mount from version 1 to version 2: the result, refusals, and interruptions. */

import { describe, expect, it } from "vitest";
import { VaultError } from "../../../../src/errors.ts";
import { RECORD_MAX_BYTES } from "../../../../src/limits.ts";
import { createMemoryStore } from "../../../../src/storage/memory_store.ts";
import type { Store } from "../../../../src/storage/store.ts";
import { type ApiResponse, at, initialiseOpen, textsAt } from "../../../contract/api.contract.ts";
import { startMemoryApi } from "../../memory_api.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";
import { exclusiveAsked } from "./exclusive_asked.ts";

const WARNING =
  "Upgrading mount from version 0 to version 0. This mount will be unavailable for a " +
  "brief period and will resume service shortly.";
const UPGRADE = { options: { version: "2" } };
const BUSY =
  "Upgrading from non-versioned to versioned data. This backend will be unavailable for a " +
  "brief period and will resume service shortly.";

/** Names that records of version 2 use as well. */
const SECRETS: Readonly<Record<string, object>> = {
  a: { x: "1", __proto__: null, deep: { list: [1, "two", null] } },
  "folder/b": { ttl: "1h" },
  config: { name: "config" },
  "metadata/a": { name: "metadata/a" },
  "versions/1/a": { name: "versions/1/a" },
  "data/a": { name: "data/a" },
};

async function withSecrets(mount: object = {}): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/mounts/kv", { type: "kv", seal_wrap: true, ...mount });
  for (const [key, value] of Object.entries(SECRETS)) await client.done("PUT", `kv/${key}`, value);
  return client;
}

type Client = Pick<RootClient, "api" | "ask" | "shares">;

async function clientOn(store: Store): Promise<Client> {
  const api = await startMemoryApi({ store });
  const { root, shares } = await initialiseOpen(api, 1, 1);
  const ask: Client["ask"] = async (method, path, body = null, token = root) =>
    await api.request(method, `/v1/${path}`, {
      ...(body === null ? {} : { body }),
      ...(token === null ? {} : { token }),
    });
  return { api, shares, ask };
}

async function upgrade({ ask }: Client): Promise<void> {
  const answer = await ask("POST", "sys/mounts/kv/tune", UPGRADE);
  expect([answer.status, at(answer.json, "data"), at(answer.json, "warnings")])
    .toEqual([200, null, [WARNING]]);
}

async function read({ ask }: Client, key: string): Promise<unknown> {
  return at((await ask("GET", `kv/data/${key}`)).json, "data", "data");
}

/** The stored paths below mounts, without mount ids; wrapped ones are marked. */
async function storedPaths({ api }: Client): Promise<readonly string[]> {
  const lines = (await api.snapshot()).split("\n").filter((line) => line.startsWith("logical/"));
  return lines.map((line) => {
    const [path = "", , sealKeyId] = line.split(" ");
    const name = path.split("/").slice(2).join("/");
    return sealKeyId === "null" ? name : `${name} wrapped`;
  });
}

describe("upgrades to kv version 2", () => {
  it.each([{}, { options: { version: "1", a: "b" } }])(
    "an upgrade of a kv mount with %j keeps every secret",
    async (mount) => {
      const client = await withSecrets(mount);
      await upgrade(client);
      for (const [key, value] of Object.entries(SECRETS)) {
        expect(await read(client, key), key).toEqual(value);
      }
      const keys = await client.ask("LIST", "kv/metadata");
      expect(textsAt(keys.json, "data", "keys")).toEqual([
        "a",
        "config",
        "data/",
        "folder/",
        "metadata/",
        "versions/",
      ]);
      const entry = await client.ask("GET", "sys/mounts/kv");
      expect(at(entry.json, "data", "options")).toEqual({ ...mount.options, version: "2" });
    },
  );

  it("after an upgrade each secret is version 1 of its key, created at the upgrade", async () => {
    const client = await withSecrets();
    client.api.clock.nowMs = Date.UTC(2026, 5, 1);
    await upgrade(client);
    client.api.clock.nowMs = Date.UTC(2026, 6, 1);
    const time = "2026-06-01T00:00:00.000000000Z";
    expect(at((await client.ask("GET", "kv/metadata/folder/b")).json, "data")).toMatchObject({
      created_time: time,
      updated_time: time,
      current_metadata_version: 0,
      current_version: 1,
      custom_metadata: null,
      oldest_version: 1,
      versions: { 1: { created_time: time, deletion_time: "", destroyed: false } },
    });
    const next = await client.ask("POST", "kv/data/folder/b", {
      options: { cas: 1 },
      data: { ttl: "2h" },
    });
    expect(at(next.json, "data", "version")).toBe(2);
    const first = await client.ask("GET", "kv/data/folder/b?version=1");
    expect(at(first.json, "data", "data")).toEqual(SECRETS["folder/b"]);
  });

  it("an upgrade seal-wraps version data but not metadata, and leaves no old records", async () => {
    const client = await withSecrets();
    await upgrade(client);
    const keys = Object.keys(SECRETS);
    const expected = [
      ...keys.map((key) => `metadata/${key}`),
      ...keys.map((key) => `versions/1/${key} wrapped`),
    ];
    expect(new Set(await storedPaths(client))).toEqual(new Set(expected));
    const plain = await withSecrets({ seal_wrap: false });
    await upgrade(plain);
    expect((await storedPaths(plain)).join()).not.toContain("wrapped");
  });

  it("a second upgrade does nothing, and secrets read the same after a restart", async () => {
    const client = await withSecrets();
    await upgrade(client);
    await client.done("POST", "sys/mounts/kv/tune", UPGRADE);
    await client.api.restart();
    await client.ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    for (const [key, value] of Object.entries(SECRETS)) {
      expect(await read(client, key), key).toEqual(value);
    }
  });

  it.each(["02", "+2"])("an upgraded mount tuned to version %j stays at 2", async (text) => {
    const client = await withSecrets();
    await upgrade(client);
    await client.done("POST", "sys/mounts/kv/tune", { options: { version: text } });
    const entry = await client.ask("GET", "sys/mounts/kv");
    expect(at(entry.json, "data", "options")).toEqual({ version: "2" });
    await client.api.restart();
    await client.ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    expect(await read(client, "a")).toEqual(SECRETS["a"]);
  });

  it("an empty generic mount can be upgraded, moved and removed", async () => {
    const client = await openRootClient();
    await client.done("POST", "sys/mounts/kv", { type: "generic" });
    await upgrade(client);
    await client.ask("POST", "kv/data/a", { data: { x: "1" } });
    await client.ask("POST", "sys/remount", { from: "kv", to: "moved" });
    const moved = await client.ask("GET", "moved/data/a");
    expect(at(moved.json, "data", "data")).toEqual({ x: "1" });
    await client.done("DELETE", "sys/mounts/moved");
    expect(await storedPaths(client)).toEqual([]);
  });

  it.each([0, 3, 10])("an upgrade after %i writes loses no acknowledged write", async (after) => {
    const client = await withSecrets();
    const put = async (key: string): Promise<readonly [string, ApiResponse]> => [
      key,
      await client.ask("PUT", `kv/${key}`, { key }),
    ];
    const early = Array.from({ length: 20 }, (_, index) => put(`early/${index}`));
    await Promise.all(early.slice(0, after));
    const upgraded = client.ask("POST", "sys/mounts/kv/tune", UPGRADE);
    const late = Array.from({ length: 20 }, (_, index) => put(`late/${index}`));
    expect((await upgraded).status).toBe(200);
    const answers = await Promise.all([...early, ...late]);
    const written = answers.filter(([, { status }]) => status === 204).map(([key]) => key);
    expect(written.length).toBeGreaterThanOrEqual(after);
    for (const key of written) expect(await read(client, key), key).toEqual({ key });
  });

  it("an upgrade waits for a write in progress", async () => {
    const inner = createMemoryStore();
    const started = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    let holds = false;
    const commit: Store["commit"] = async (asked) => {
      if (holds && asked.writes.some(({ path }) => path.startsWith("logical/"))) {
        started.resolve();
        await released.promise;
      }
      return await inner.commit(asked);
    };
    const client = await clientOn({ ...inner, commit });
    await client.ask("POST", "sys/mounts/kv", { type: "kv" });
    holds = true;
    const written = client.ask("PUT", "kv/a", { x: "1" });
    await started.promise;
    holds = false;
    const asksToUpgrade = exclusiveAsked();
    const upgraded = upgrade(client);
    // An upgrade that does not wait would end before the write goes on.
    await Promise.race([asksToUpgrade, upgraded]);
    released.resolve();
    await upgraded;
    expect((await written).status).toBe(204);
    expect(await read(client, "a")).toEqual({ x: "1" });
  });

  it("tuning an unversioned mount to version 1 warns but changes no secret", async () => {
    const client = await withSecrets();
    const answer = await client.ask("POST", "sys/mounts/kv/tune", { options: { version: "1" } });
    expect([answer.status, at(answer.json, "warnings")]).toEqual([200, [WARNING]]);
    expect(at((await client.ask("GET", "kv/a")).json, "data")).toEqual(SECRETS["a"]);
  });
});

describe("impossible upgrades", () => {
  /** Too long for the path of a version, but not for a path of version 1. */
  const LONGEST_KEY = "k".repeat(2048 - "logical/".length - 37);

  it.each([
    ["large", { x: "x".repeat(RECORD_MAX_BYTES - 200) }],
    [LONGEST_KEY, { x: "1" }],
  ])("an upgrade that could not finish is refused and changes nothing", async (key, value) => {
    const client = await withSecrets();
    await client.done("PUT", `kv/${key}`, value);
    const before = await client.api.snapshot();
    const answer = await client.ask("POST", "sys/mounts/kv/tune", UPGRADE);
    expect([answer.status, answer.json]).toEqual([400, {
      errors: [`cannot upgrade mount: the secret "${key}" is too large`],
    }]);
    expect(await client.api.snapshot()).toBe(before);
    expect(at((await client.ask("GET", "kv/a")).json, "data")).toEqual(SECRETS["a"]);
  });
});

/** A store that refuses commits of more than one record below mounts while `refusesPages` is set. */
function refusingStore(): Store & { refusesPages: boolean } {
  const store = {
    ...createMemoryStore(),
    refusesPages: false,
  };
  const { commit } = store;
  store.commit = async (asked) => {
    const isPage = asked.writes.filter(({ path }) => path.startsWith("logical/")).length > 1;
    if (isPage && store.refusesPages) throw new VaultError("store_failed", "the test says so");
    return await commit(asked);
  };
  return store;
}

describe("interrupted upgrades", () => {
  /** More secrets than one request moves. */
  const MANY = 1050;

  async function cutOff(): Promise<{ client: Client; store: ReturnType<typeof refusingStore> }> {
    const store = refusingStore();
    const client = await clientOn(store);
    const { ask } = client;
    await ask("POST", "sys/mounts/kv", { type: "kv" });
    const indexes = Array.from({ length: MANY }, (_, index) => index);
    await Promise.all(indexes.map((index) => ask("PUT", `kv/${index}`, { index })));
    store.refusesPages = true;
    await upgrade(client);
    return { client, store };
  }

  it("requests continue an interrupted upgrade and are asked to retry", async () => {
    const { client, store } = await cutOff();
    expect((await client.ask("GET", "kv/data/7")).status).toBe(500);
    store.refusesPages = false;
    const busy = await client.ask("GET", `kv/data/${MANY - 1}`);
    expect([busy.status, busy.json]).toEqual([400, { errors: [BUSY] }]);
    for (const index of [0, 7, MANY - 1]) expect(await read(client, `${index}`)).toEqual({ index });
    expect(client.api.log.join()).toContain("goes on with its next request");
  });

  it("an unseal continues an interrupted upgrade, and succeeds even if that fails", async () => {
    const { client, store } = await cutOff();
    const left = async () =>
      (await storedPaths(client)).filter((path) => /^\d+$/.test(path)).length;
    const reopen = async () => {
      await client.api.restart();
      await client.ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    };
    await reopen();
    expect((await client.ask("GET", "sys/mounts")).status).toBe(200);
    expect(await left()).toBe(MANY);
    store.refusesPages = false;
    await reopen();
    expect(await left()).toBeLessThan(MANY);
    for (const index of [0, 7, MANY - 1]) expect(await read(client, `${index}`)).toEqual({ index });
    expect(await left()).toBe(0);
  });

  it("an interrupted upgrade survives changes of the mount table", async () => {
    const { client, store } = await cutOff();
    expect((await client.ask("POST", "sys/mounts/other", { type: "kv" })).status).toBe(204);
    await client.ask("POST", "sys/mounts/kv/tune", { description: "d" });
    await client.ask("POST", "sys/remount", { from: "kv", to: "kv9" });
    await client.ask("POST", "sys/remount", { from: "kv9", to: "kv" });
    store.refusesPages = false;
    await client.api.restart();
    await client.ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    for (const index of [0, 7, MANY - 1]) expect(await read(client, `${index}`)).toEqual({ index });
  });

  it("removing a mount during an interrupted upgrade leaves nothing behind", async () => {
    const { client, store } = await cutOff();
    store.refusesPages = false;
    await client.ask("GET", "kv/data/7");
    expect((await storedPaths(client)).length).toBeGreaterThan(MANY);
    await client.ask("DELETE", "sys/mounts/kv");
    expect(await storedPaths(client)).toEqual([]);
  });
});

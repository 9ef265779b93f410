/** Removing a mount: interrupted removals, and requests still in progress. */

import { describe, expect, it } from "vitest";
import { VaultError } from "../../../../src/errors.ts";
import { createMemoryStore } from "../../../../src/storage/memory_store.ts";
import type { Store } from "../../../../src/storage/store.ts";
import { type ApiResponse, initialiseOpen } from "../../../contract/api.contract.ts";
import { startMemoryApi } from "../../memory_api.ts";
import { exclusiveAsked } from "./exclusive_asked.ts";

type Commit = Parameters<Store["commit"]>[0];

interface Stage {
  ask(method: string, path: string, body?: object): Promise<ApiResponse>;
  reopen(): Promise<void>;
  /** Writes a record past the hook. */
  write(path: string): Promise<unknown>;
  /** Paths of everything that mounts have stored. */
  stored(): Promise<readonly string[]>;
}

/** `before` runs before each commit, and may refuse or delay it. */
async function startOn(before: (commit: Commit) => Promise<void>): Promise<Stage> {
  const inner = createMemoryStore();
  const commit: Store["commit"] = async (asked) => {
    await before(asked);
    return await inner.commit(asked);
  };
  const write = async (path: string) =>
    await inner.commit({ writes: [{ path, bytes: new Uint8Array(1), sealKeyId: null }] });
  const api = await startMemoryApi({ store: { ...inner, commit } });
  const { root, shares } = await initialiseOpen(api, 1, 1);
  return {
    write,
    ask: (method, path, body) =>
      api.request(method, `/v1/${path}`, { token: root, ...(body === undefined ? {} : { body }) }),
    reopen: async () => {
      await api.restart();
      await api.request("PUT", "/v1/sys/unseal", { body: { key: shares[0] } });
    },
    stored: () => inner.list("logical/", "", 1000),
  };
}

function below(commit: Commit): readonly Commit["writes"][number][] {
  return commit.writes.filter(({ path }) => path.startsWith("logical/"));
}

describe("interrupted removals", () => {
  /** The mount is gone from the table, but its data is not. */
  async function cutOff(): Promise<Stage & { refuses: boolean }> {
    const state = { refuses: false };
    const stage = await startOn(async (commit) => {
      if (!state.refuses || below(commit).length === 0) return;
      throw new VaultError("store_failed", "the test says so");
    });
    await stage.ask("POST", "sys/mounts/kv", { type: "kv" });
    for (const key of ["a", "b", "c"]) await stage.ask("PUT", `kv/${key}`, { x: "1" });
    state.refuses = true;
    // Begins an upgrade that moves nothing, so that the mount has data in two places.
    await stage.ask("POST", "sys/mounts/kv/tune", { options: { version: "2" } });
    expect((await stage.ask("DELETE", "sys/mounts/kv")).status).toBe(500);
    expect((await stage.ask("GET", "sys/mounts/kv")).status).toBe(400);
    expect(await stage.stored()).toHaveLength(3);
    return Object.assign(state, stage);
  }

  it("a second request finishes an interrupted removal of a mount once the store works", async () => {
    const stage = await cutOff();
    expect((await stage.ask("DELETE", "sys/mounts/kv")).status).toBe(500);
    stage.refuses = false;
    expect((await stage.ask("DELETE", "sys/mounts/kv")).status).toBe(204);
    expect(await stage.stored()).toEqual([]);
  });

  it("a second request finishes an interrupted removal of an auth mount", async () => {
    let refuses = false;
    const isRole = ({ path, bytes }: Commit["writes"][number]) =>
      path.startsWith("auth/") && bytes === null;
    const { ask } = await startOn(async ({ writes }) => {
      if (refuses && writes.some(isRole)) throw new VaultError("store_failed", "the test says so");
    });
    await ask("POST", "sys/auth/approle", { type: "approle" });
    await ask("PUT", "auth/approle/role/a", {});
    refuses = true;
    expect((await ask("DELETE", "sys/auth/approle")).status).toBe(500);
    expect((await ask("DELETE", "sys/auth/approle")).status).toBe(500);
    refuses = false;
    expect((await ask("DELETE", "sys/auth/approle")).status).toBe(204);
  });

  it("a record written behind the page in progress is removed with its mount", async () => {
    let late: (() => Promise<unknown>) | null = null;
    const { ask, stored, write } = await startOn(async (commit) => {
      const act = late;
      if (act === null || !below(commit).some(({ bytes }) => bytes === null)) return;
      late = null;
      await act();
    });
    await ask("POST", "sys/mounts/kv", { type: "kv" });
    for (const key of ["b", "c"]) await ask("PUT", `kv/${key}`, { x: "1" });
    const [path = ""] = await stored();
    late = () => write(`${path.slice(0, path.lastIndexOf("/"))}/a`);
    expect((await ask("DELETE", "sys/mounts/kv")).status).toBe(204);
    expect(await stored()).toEqual([]);
  });

  it("an unseal finishes an interrupted removal of a mount, and succeeds even if that fails", async () => {
    const stage = await cutOff();
    await stage.reopen();
    expect((await stage.ask("POST", "sys/mounts/kv", { type: "kv" })).status).toBe(204);
    stage.refuses = false;
    await stage.ask("PUT", "kv/new", { x: "2" });
    expect(await stage.stored()).toHaveLength(4);
    await stage.reopen();
    expect(await stage.stored()).toEqual([expect.stringMatching(/\/new$/)]);
  });
});

describe("removals during requests", () => {
  it.each([
    ["transit", "encrypt/k", { plaintext: "YQ==" }],
    ["kv", "k", { x: "1" }],
  ])("a removed %s mount keeps nothing of a request in progress", async (type, path, body) => {
    const started = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    let holds = true;
    const stage = await startOn(async (commit) => {
      if (!holds || below(commit).every(({ bytes }) => bytes === null)) return;
      holds = false;
      started.resolve();
      await released.promise;
    });
    await stage.ask("POST", "sys/mounts/m", { type });
    const asked = stage.ask("POST", `m/${path}`, body);
    await started.promise;
    const asksToRemove = exclusiveAsked();
    const removed = stage.ask("DELETE", "sys/mounts/m");
    // A removal that does not wait would end before the request goes on.
    await Promise.race([asksToRemove, removed]);
    released.resolve();
    expect((await removed).status).toBe(204);
    expect((await asked).status).toBeLessThan(300);
    expect(await stage.stored()).toEqual([]);
  });
});

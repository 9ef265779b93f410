/** Two vaults on one store, as after a split between machines: neither undoes what the other did. */

import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { at } from "../contract/api.contract.ts";
import { startMemoryApi } from "./memory_api.ts";
import { openRootClient } from "./root_client.ts";

async function twoVaults() {
  const store = createMemoryStore();
  const first = await openRootClient(store);
  const second = await startMemoryApi({ store });
  await second.request("PUT", "/v1/sys/unseal", { body: { key: first.shares[0] } });
  const ask = async (method: string, path: string, body?: object) =>
    await second.request(method, `/v1/${path}`, {
      token: first.root,
      ...(body === undefined ? {} : { body }),
    });
  return { first, second: { ask } };
}

const CONFLICT = {
  errors: [
    "internal error: the request met a concurrent change; nothing was changed",
  ],
};

describe("two processes with one store", () => {
  it.each([
    ["sys/mounts", { type: "kv" }],
    ["sys/auth", { type: "approle" }],
  ])("a mount at %s of one process is not undone by the other", async (path, body) => {
    const { first, second } = await twoVaults();
    await first.done("POST", `${path}/of-first`, body);
    const refused = await second.ask("POST", `${path}/of-second`, body);
    expect([refused.status, refused.json]).toEqual([500, CONFLICT]);
    expect((await second.ask("POST", `${path}/of-second`, body)).status).toBe(204);
    const { json } = await second.ask("GET", path);
    expect(at(json, "data", "of-first/")).toBeDefined();
    expect(at(json, "data", "of-second/")).toBeDefined();
  });

  it("settings of one process are not undone by the other", async () => {
    const { first, second } = await twoVaults();
    await first.ask("PUT", "sys/config/ui/headers/X-First", { values: "1" });
    await second.ask("PUT", "sys/config/ui/headers/X-Second", { values: "2" });
    const { json } = await first.ask("LIST", "sys/config/ui/headers");
    expect(at(json, "data", "keys")).toEqual(["X-First", "X-Second"]);
  });
});

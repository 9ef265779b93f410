/** A vault on a store that takes 16 writes, 16 expectations and one large record in a commit. */

import { describe, expect, it } from "vitest";
import { PATH_MAX_BYTES } from "../../src/limits.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { at, textAt, textsAt } from "../contract/api.contract.ts";
import { openRootClient, type RootClient } from "./root_client.ts";

const MANY = 70;
/** The vault's own records fit, and with those of a rewrap no two of the largest values do. */
const RECORD_BYTES = 32 * 1024;

async function smallClient(): Promise<RootClient> {
  return await openRootClient(createMemoryStore({
    pathMaxBytes: PATH_MAX_BYTES,
    recordMaxBytes: RECORD_BYTES,
    commitMaxWrites: 16,
    commitMaxExpectations: 16,
    commitMaxBytes: RECORD_BYTES + 256 * 1024,
  }));
}

async function fill({ done, ask }: RootClient, options: object, bytes = 1): Promise<void> {
  await done("POST", "sys/mounts/kv", { type: "kv", seal_wrap: true, options });
  for (let index = 0; index < MANY; index++) {
    await ask("PUT", `kv/${index}`, { value: `${index}`.padEnd(bytes, ".") });
  }
}

/** Lets the alarm run until the answer of `isDone` is true. */
async function runAlarms({ api }: RootClient, isDone: () => Promise<boolean>): Promise<void> {
  for (let alarms = 0; alarms < 500; alarms++) {
    if (await isDone()) return;
    await api.fire();
  }
  throw new Error("the alarms do not end the work");
}

const pathsBelow = async ({ api }: RootClient, prefix: string) =>
  await api.store.list(prefix, "", 1000);

describe("vault on a store with small commits", () => {
  it("a rewrap after a rekey reaches every entry, with small values and with large ones", async () => {
    for (const bytes of [1, 20_000]) {
      const client = await smallClient();
      const { ask, api } = client;
      await fill(client, {}, bytes);
      await ask("PUT", "sys/rekey/init", { secret_shares: 1, secret_threshold: 1 });
      const nonce = textAt((await ask("GET", "sys/rekey/init")).json, "nonce");
      await ask("PUT", "sys/rekey/update", { nonce, key: client.shares[0] });
      await runAlarms(client, async () => (await api.store.sealKeyCounts()).size === 1);
      const { json } = await ask("GET", "sys/sealwrap/rewrap");
      expect(at(json, "data", "entries", "failed")).toBe(0);
      for (const index of [0, MANY - 1]) {
        const { json } = await ask("GET", `kv/${index}`);
        expect(textAt(json, "data", "value")).toBe(`${index}`.padEnd(bytes, "."));
      }
    }
  });

  it("a revoked token ends all its children and empties its cubbyhole", async () => {
    const client = await smallClient();
    const { ask } = client;
    const parent = await client.tokenWith(
      'path "auth/token/create" { capabilities = ["update"] }',
    );
    const children: string[] = [];
    for (let n = 0; n < MANY; n++) {
      await ask("PUT", `cubbyhole/${n}`, { n }, parent);
      const { json } = await ask("POST", "auth/token/create", {}, parent);
      children.push(textAt(json, "auth", "client_token"));
    }
    const before = (await pathsBelow(client, "")).length;
    expect((await ask("POST", "auth/token/revoke", { token: parent })).status).toBe(204);
    for (const child of [parent, ...children]) {
      expect((await ask("GET", "auth/token/lookup-self", null, child)).status).toBe(403);
    }
    expect(before - (await pathsBelow(client, "")).length).toBeGreaterThan(4 * MANY);
  });

  it("a removed mount leaves no record", async () => {
    const client = await smallClient();
    await fill(client, {});
    const [other] = await pathsBelow(client, "logical/");
    expect(other).toBeDefined();
    await client.done("DELETE", "sys/mounts/kv");
    expect(await pathsBelow(client, "logical/")).toEqual([]);
  });

  it("a kv mount is upgraded to version 2 with every secret", async () => {
    const client = await smallClient();
    const { ask } = client;
    await fill(client, {});
    await ask("POST", "sys/mounts/kv/tune", { options: { version: "2" } });
    await runAlarms(client, async () => (await ask("GET", "kv/data/0")).status === 200);
    const { json } = await ask("LIST", "kv/metadata/");
    expect(textsAt(json, "data", "keys")).toHaveLength(MANY);
    for (const index of [0, MANY - 1]) {
      expect(at((await ask("GET", `kv/data/${index}`)).json, "data", "data", "value"))
        .toBe(`${index}`);
    }
  });

  it("a kv key with many versions is trimmed, destroyed and removed whole", async () => {
    const client = await smallClient();
    const { ask } = client;
    await client.done("POST", "sys/mounts/kv", { type: "kv", options: { version: "2" } });
    const versionsOf = async () =>
      (await pathsBelow(client, "logical/"))
        .filter((path) => /\/versions\/\d+\/a$/.test(path)).length;
    const write = async () => await ask("PUT", "kv/data/a", { data: { x: 1 } });
    await ask("POST", "kv/metadata/a", { max_versions: MANY });
    for (let n = 0; n < MANY; n++) await write();
    expect(await versionsOf()).toBe(MANY);

    await ask("POST", "kv/metadata/a", { max_versions: MANY - 20 });
    expect((await write()).status).toBe(200);
    expect(await versionsOf()).toBe(MANY - 20);

    const versions = Array.from({ length: 20 }, (_, n) => MANY - n);
    expect((await ask("PUT", "kv/destroy/a", { versions })).status).toBe(204);
    expect(await versionsOf()).toBe(MANY - 40);

    await client.done("DELETE", "kv/metadata/a");
    expect(await pathsBelow(client, "logical/")).toEqual([]);
  });
});

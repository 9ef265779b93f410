/** Revocation and expiry while tokens are made, renewed and used: no child outlives its parent. */

import { describe, expect, it, vi } from "vitest";
import { VaultError } from "../../../src/errors.ts";
import { at, textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const MAKES_TOKENS = 'path "auth/token/*" { capabilities = ["create", "update", "read"] }';
const EXPIRY_ROWS = "sys/token/expiry/";
const MANY = 5000;

/** Makes children with a parent's token and keeps those that were handed out. */
function nursery({ ask }: RootClient, parent: string) {
  const handedOut: string[] = [];
  const make = async (): Promise<void> => {
    const { status, json } = await ask("POST", "auth/token/create", {}, parent);
    if (status === 200) handedOut.push(textAt(json, "auth", "client_token"));
  };
  return { handedOut, make };
}

const lookup = async ({ ask }: RootClient, token: string) =>
  await ask("GET", "auth/token/lookup-self", null, token);

async function create({ ask }: RootClient, body: object, by?: string): Promise<string> {
  const { json } = await ask("POST", "auth/token/create", body, by);
  return textAt(json, "auth", "client_token");
}

describe("revocation", () => {
  it("revoking a token also ends the children made meanwhile", async () => {
    const client = await openRootClient();
    for (let round = 0; round < 4; round++) {
      const parent = await client.tokenWith(MAKES_TOKENS);
      const { handedOut, make } = nursery(client, parent);
      for (let n = 0; n < 3; n++) await make();
      await Promise.all([
        ...Array.from({ length: 10 }, make),
        client.ask("POST", "auth/token/revoke", { token: parent }),
        ...Array.from({ length: 10 }, make),
      ]);
      for (const child of handedOut) expect((await lookup(client, child)).status).toBe(403);
      await make();
      expect((await lookup(client, parent)).status).toBe(403);
    }
  });

  it("revoke-orphan turns all children into orphans, also those made meanwhile", async () => {
    const client = await openRootClient();
    const parent = await client.tokenWith(MAKES_TOKENS);
    const { handedOut, make } = nursery(client, parent);
    for (let n = 0; n < 5; n++) await make();
    await Promise.all([
      client.ask("POST", "auth/token/revoke-orphan", { token: parent }),
      ...Array.from({ length: 10 }, make),
    ]);
    expect(handedOut.length).toBeGreaterThanOrEqual(5);
    for (const child of handedOut) {
      expect(at((await lookup(client, child)).json, "data", "orphan")).toBe(true);
    }
  });

  it("revoking a token that is renewed meanwhile leaves nothing in the expiry index", async () => {
    const client = await openRootClient();
    const { api } = client;
    const rows = async () => (await api.store.list(EXPIRY_ROWS, "", MANY)).length;
    await client.tokenWith(MAKES_TOKENS);
    const before = await rows();
    for (let round = 0; round < 4; round++) {
      const token = await create(client, { policies: ["rules-1"], ttl: "1h" });
      for (let n = 0; n < 3; n++) await create(client, { ttl: "1h" }, token);
      api.clock.nowMs += 10;
      await Promise.all([
        client.ask("POST", "auth/token/revoke", { token }),
        client.ask("POST", "auth/token/renew", { token, increment: "2h" }),
        client.ask("POST", "auth/token/renew-self", { increment: "3h" }, token),
      ]);
    }
    expect(await rows()).toBe(before);
  });

  it.each([1, 2, 3])(
    "a revocation that fails at commit %i has no effect or is finished by the alarm",
    async (stop) => {
      const client = await openRootClient();
      const { api } = client;
      const parent = await client.tokenWith(MAKES_TOKENS);
      const tokens = [parent, await create(client, {}, parent), await create(client, {}, parent)];
      const commit = api.store.commit.bind(api.store);
      let commits = 0;
      const spy = vi.spyOn(api.store, "commit").mockImplementation(async (wanted) => {
        commits += 1;
        if (commits >= stop) throw new VaultError("store_failed", "the disk is full");
        return await commit(wanted);
      });
      expect((await client.ask("POST", "auth/token/revoke", { token: parent })).status).toBe(500);
      spy.mockRestore();
      await api.fire();
      for (const token of tokens) {
        expect((await lookup(client, token)).status).toBe(stop === 1 ? 200 : 403);
      }
    },
  );
});

describe("expiry", () => {
  it("a token's children expire with it, even if its TTL is not a whole millisecond", async () => {
    const client = await openRootClient();
    const { api } = client;
    await client.tokenWith(MAKES_TOKENS);
    const other = await create(client, { policies: ["rules-1"], ttl: "20h" });
    for (const ttl of ["60s", "60000500us"]) {
      const parent = await create(client, { policies: ["rules-1"], ttl });
      const child = await create(client, { ttl: "10h" }, parent);
      api.clock.nowMs += 120_000;
      await api.fire();
      expect((await lookup(client, parent)).status).toBe(403);
      expect((await lookup(client, child)).status).toBe(403);
      expect((await lookup(client, other)).status).toBe(200);
    }
  });

  it("expiry index rows of tokens that are gone do not delay the expiry of others", async () => {
    const client = await openRootClient();
    const { api } = client;
    await client.tokenWith(MAKES_TOKENS);
    const parent = await create(client, { policies: ["rules-1"], ttl: "60s" });
    const child = await create(client, { ttl: "10h" }, parent);
    const [first = ""] = await api.store.list(EXPIRY_ROWS, "", 1);
    const row = await api.store.get(first);
    const writes = Array.from({ length: 150 }, (_, n) => ({
      path: `${EXPIRY_ROWS}${String(n).padStart(15, "0")}/gone`,
      bytes: row?.bytes ?? null,
      sealKeyId: null,
    }));
    await api.store.commit({ writes });
    api.clock.nowMs += 120_000;
    await api.fire();
    await api.fire();
    expect((await lookup(client, child)).status).toBe(403);
  });
});

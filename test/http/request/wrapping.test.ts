/** Response wrapping: what callers learn about a wrapping token, and what spends it. */

import { beforeEach, describe, expect, it, vi } from "vitest";
import {
  type ApiResponse,
  at,
  PERMISSION_DENIED,
  POLICY_DENIED,
  textAt,
} from "../../contract/api.contract.ts";
import { WRAP_TTL_MAX_SECONDS } from "../../../src/limits.ts";
import { ORIGIN } from "../memory_api.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const ENDPOINTS = ["lookup", "unwrap", "rewrap"] as const;
const METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH"] as const;
const NOT_VALID = { errors: ["wrapping token is not valid or does not exist"] };
const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

let client: RootClient;
beforeEach(async () => {
  client = await openRootClient();
});

interface Sent {
  readonly body?: object;
  readonly token?: string;
  readonly ttl?: string;
}

async function send(method: string, path: string, { body, token, ttl }: Sent = {}) {
  const headers: Record<string, string> = ttl === undefined ? {} : { "X-Vault-Wrap-TTL": ttl };
  if (method === "PATCH") headers["Content-Type"] = "application/merge-patch+json";
  return await client.api.request(method, `/v1/${path}`, {
    headers,
    ...(body === undefined ? {} : { body }),
    ...(token === undefined ? {} : { token }),
  });
}

async function wrapped(): Promise<string> {
  const body = { a: "1" };
  const answer = await send("POST", "sys/wrapping/wrap", { body, token: client.root, ttl: "5m" });
  return textAt(answer.json, "wrap_info", "token");
}

async function isKept(token: string): Promise<boolean> {
  return (await send("POST", "sys/wrapping/lookup", { body: { token } })).status === 200;
}

function shown({ status, json }: ApiResponse) {
  return [status, json];
}

describe("unreadable wrapping tokens", () => {
  it.each(ENDPOINTS)(
    "sys/wrapping/%s refuses an unreadable wrapping token before it judges the caller's own",
    async (name) => {
      const path = `sys/wrapping/${name}`;
      const refusals = [
        [{ token: "" }, "empty token in request body"],
        [{ token: 5 }, "could not decode token in request body"],
        [{ token: ["x"] }, "could not decode token in request body"],
      ] as const;
      for (const token of [client.root, "bad", ""]) {
        for (const [body, reason] of refusals) {
          const wanted = [403, { errors: [`error validating wrapping token: ${reason}`] }];
          expect(shown(await send("POST", path, { body, token }))).toEqual(wanted);
          expect(shown(await send("PATCH", path, { body, token }))).toEqual(wanted);
        }
      }
      const empty = [403, { errors: ["error validating wrapping token: token is empty"] }];
      for (const method of METHODS) expect(shown(await send(method, path))).toEqual(empty);
      expect(shown(await send("POST", path, { body: { token: null } }))).toEqual(empty);
      expect(shown(await send("POST", path, { body: { Token: "x" } }))).toEqual(empty);
    },
  );

  it.each(ENDPOINTS)("sys/wrapping/%s refuses a token that wraps nothing", async (name) => {
    const path = `sys/wrapping/${name}`;
    for (const method of METHODS) {
      for (const token of [client.root, "bad"]) {
        expect(shown(await send(method, path, { token }))).toEqual([400, NOT_VALID]);
      }
    }
    for (const token of ["bad", client.root]) {
      expect(shown(await send("POST", path, { body: { token } }))).toEqual([400, NOT_VALID]);
      const bad = { body: { token }, token: "bad" };
      expect(shown(await send("POST", path, bad))).toEqual([400, NOT_VALID]);
    }
    expect((await send("HEAD", path)).status).toBe(403);
  });
});

describe("unwrapping", () => {
  it("unwrapping works once, with the wrapping token alone or named in the body", async () => {
    const own = await wrapped();
    const opened = await send("POST", "sys/wrapping/unwrap", { token: own });
    expect(at(opened.json, "data")).toEqual({ a: "1" });
    expect(textAt(opened.json, "request_id")).toMatch(UUID);
    expect(shown(await send("POST", "sys/wrapping/unwrap", { token: own })))
      .toEqual([400, NOT_VALID]);
    const named = await wrapped();
    const request = { body: { token: named }, token: client.root };
    expect(at((await send("POST", "sys/wrapping/unwrap", request)).json, "data")).toEqual({
      a: "1",
    });
    expect(shown(await send("POST", "sys/wrapping/unwrap", request))).toEqual([400, NOT_VALID]);
  });

  it("a refused unwrap or rewrap does not spend the wrapping token", async () => {
    const token = await wrapped();
    const powerless = await client.tokenWith('path "x" { capabilities = ["read"] }', false);
    for (const name of ["unwrap", "rewrap"]) {
      const path = `sys/wrapping/${name}`;
      const body = { token };
      expect(shown(await send("POST", path, { body }))).toEqual([403, PERMISSION_DENIED]);
      expect(shown(await send("POST", path, { body, token: "bad" })))
        .toEqual([403, PERMISSION_DENIED]);
      expect(shown(await send("POST", path, { body, token: powerless })))
        .toEqual([403, POLICY_DENIED]);
      expect((await send("GET", `${path}?token=${token}`, { token: client.root })).status).toBe(
        405,
      );
    }
    expect(await isKept(token)).toBe(true);
  });

  it("unwrapping with a wrap TTL wraps the reply again", async () => {
    const again = await send("POST", "sys/wrapping/unwrap", { token: await wrapped(), ttl: "1m" });
    expect(at(again.json, "wrap_info")).toMatchObject({
      creation_path: "sys/wrapping/unwrap",
      ttl: 60,
    });
    expect([at(again.json, "request_id"), at(again.json, "data")]).toEqual(["", null]);
    const inner = textAt(again.json, "wrap_info", "token");
    expect(at((await send("POST", "sys/wrapping/unwrap", { token: inner })).json, "data"))
      .toEqual({ a: "1" });
  });
});

describe("rewrapping", () => {
  it("rewrapping keeps path and reply, never extends the TTL, and ends the old token", async () => {
    const first = await wrapped();
    const rewrap = (token: string, ttl?: string) =>
      send("POST", "sys/wrapping/rewrap", {
        body: { token },
        token: client.root,
        ...(ttl === undefined ? {} : { ttl }),
      });
    const longer = await rewrap(first, "1h");
    expect(at(longer.json, "wrap_info")).toMatchObject({
      creation_path: "sys/wrapping/wrap",
      ttl: 300,
    });
    expect(at(longer.json, "request_id")).toBe("");
    expect(await isKept(first)).toBe(false);
    const shorter = await rewrap(textAt(longer.json, "wrap_info", "token"), "1m");
    expect(at(shorter.json, "wrap_info", "ttl")).toBe(60);
    const same = await rewrap(textAt(shorter.json, "wrap_info", "token"));
    expect(at(same.json, "wrap_info", "ttl")).toBe(60);
    const token = textAt(same.json, "wrap_info", "token");
    expect(at((await send("POST", "sys/wrapping/unwrap", { token })).json, "data"))
      .toEqual({ a: "1" });
  });

  it("a wrapping token may not rewrap itself, and the attempt spends it", async () => {
    const token = await wrapped();
    expect(shown(await send("POST", "sys/wrapping/rewrap", { token }))).toEqual([
      403,
      POLICY_DENIED,
    ]);
    expect(await isKept(token)).toBe(false);
  });
});

describe("wrapping tokens", () => {
  it("a wrapping token has the display name of its maker", async () => {
    const body = { token: await wrapped() };
    const found = await client.ask("POST", "auth/token/lookup", body);
    expect(at(found.json, "data")).toMatchObject({
      display_name: "root",
      path: "sys/wrapping/wrap",
      num_uses: 1,
    });
  });

  it("a wrapping token can read its reply in the cubbyhole, once", async () => {
    const token = await wrapped();
    const kept = await send("GET", "cubbyhole/response", { token });
    expect(kept.status).toBe(200);
    expect(JSON.parse(textAt(kept.json, "data", "response"))).toMatchObject({
      data: { a: "1" },
      wrap_info: null,
      auth: null,
    });
    expect(textAt(kept.json, "warnings", 0)).toMatch(/^Reading from 'cubbyhole\/response' is /);
    expect(await isKept(token)).toBe(false);
    expect((await send("GET", "cubbyhole/response", { token })).status).toBe(403);
  });

  it("a wrapping token cannot overwrite its reply, and other tokens have their own cubbyhole", async () => {
    const token = await wrapped();
    expect(shown(await send("PUT", "cubbyhole/response", { token, body: { b: "2" } })))
      .toEqual([403, POLICY_DENIED]);
    expect((await client.ask("GET", "cubbyhole/response")).status).toBe(404);
    await client.done("PUT", "cubbyhole/response", { mine: "3" });
    expect(at((await client.ask("GET", "cubbyhole/response")).json, "data")).toEqual({ mine: "3" });
    expect((await client.ask("LIST", "cubbyhole/response")).status).toBe(404);
  });

  it("a sealed vault answers 503 to a wrapping token", async () => {
    const token = await wrapped();
    await client.ask("PUT", "sys/seal");
    for (const path of ["sys/wrapping/unwrap", "cubbyhole/response"]) {
      const answer = await send("GET", path, { token });
      expect(shown(answer)).toEqual([503, { errors: ["Vault is sealed"] }]);
    }
  });

  it("sys/wrapping/pubkey is not served: wrapping tokens are not signed", async () => {
    for (const method of METHODS) {
      expect(shown(await send(method, "sys/wrapping/pubkey")))
        .toEqual([404, { errors: ["unsupported path"] }]);
    }
  });
});

describe("wrapped replies", () => {
  const kept = async () => (await client.api.store.list("sys/wrapping/", "", 10)).length;
  const sealWrapped = async () => {
    const counts = await client.api.store.sealKeyCounts();
    return [...counts.values()].reduce((sum, count) => sum + count, 0);
  };

  it("rewrapping keeps a seal-wrapped reply seal-wrapped", async () => {
    await client.done("POST", "sys/mounts/sealed", { type: "kv", seal_wrap: true });
    await client.done("POST", "sealed/a", { x: 1 });
    const answer = await send("GET", "sealed/a", { token: client.root, ttl: "5m" });
    const token = textAt(answer.json, "wrap_info", "token");
    const before = await sealWrapped();
    expect((await client.ask("POST", "sys/wrapping/rewrap", { token })).status).toBe(200);
    expect([await sealWrapped(), await kept()]).toEqual([before, 1]);
  });

  it("rewrapping moves the reply and ends the old token in one commit", async () => {
    const token = await wrapped();
    const commit = vi.spyOn(client.api.store, "commit");
    const before = commit.mock.calls.length;
    await client.ask("POST", "sys/wrapping/rewrap", { token });
    expect(commit.mock.calls.length - before).toBe(1);
    commit.mockRestore();
    expect([await isKept(token), await kept()]).toEqual([false, 1]);
  });

  it.each(["revoke", "revoke-accessor"])("%s also deletes the wrapped reply", async (way) => {
    const answer = await send("POST", "sys/wrapping/wrap", {
      body: { a: "1" },
      token: client.root,
      ttl: "5m",
    });
    const token = textAt(answer.json, "wrap_info", "token");
    const accessor = textAt(answer.json, "wrap_info", "accessor");
    await client.ask("POST", `auth/token/${way}`, way === "revoke" ? { token } : { accessor });
    expect([await isKept(token), await kept()]).toEqual([false, 0]);
  });

  it("a wrapped reply keeps its numbers as they were written", async () => {
    const written = '{"data":{"id":12345678901234567890,"whole":1.0,"exponent":1e2}}';
    await client.done("POST", "sys/mounts/exact", { type: "kv" });
    await client.api.fetch(
      new Request(`${ORIGIN}/v1/exact/a`, {
        method: "PUT",
        headers: { "X-Vault-Token": client.root },
        body: written,
      }),
    );
    const answer = await send("GET", "exact/a", { token: client.root, ttl: "5m" });
    const token = textAt(answer.json, "wrap_info", "token");
    expect((await send("POST", "sys/wrapping/unwrap", { token })).text)
      .toContain(written.slice(1, -1));
  });
});

describe("wrap TTL cap", () => {
  const MAX_SECONDS = WRAP_TTL_MAX_SECONDS;
  const LONG = "2500000h";
  const WARNING =
    'TTL of "2500000h" exceeded the effective max_ttl of "768h"; TTL value is capped accordingly';

  it("every endpoint caps the wrap TTL at the longest lease and warns", async () => {
    const { token: plain } = await defaultToken();
    const ways: readonly (readonly [string, string, Sent])[] = [
      ["POST", "sys/wrapping/wrap", { body: { a: "1" }, token: plain }],
      ["GET", "auth/token/lookup-self", { token: plain }],
      ["POST", "auth/token/create", { body: {}, token: client.root }],
      ["GET", "sys/mounts", { token: client.root }],
    ];
    for (const [method, path, sent] of ways) {
      const { json } = await send(method, path, { ...sent, ttl: LONG });
      expect([at(json, "wrap_info", "ttl"), at(json, "warnings")]).toEqual([MAX_SECONDS, [
        WARNING,
      ]]);
      const id = textAt(json, "wrap_info", "token");
      const looked = await send("POST", "sys/wrapping/lookup", { body: { token: id } });
      expect(at(looked.json, "data", "creation_ttl")).toBe(MAX_SECONDS);
    }
  });

  it("rewrapping caps the wrap TTL too", async () => {
    const body = { a: "1" };
    const exact = await send("POST", "sys/wrapping/wrap", {
      body,
      token: client.root,
      ttl: "768h",
    });
    expect([at(exact.json, "wrap_info", "ttl"), at(exact.json, "warnings")])
      .toEqual([MAX_SECONDS, null]);
    const token = textAt(exact.json, "wrap_info", "token");
    const again = await send("POST", "sys/wrapping/rewrap", {
      body: { token },
      token: client.root,
      ttl: LONG,
    });
    expect([at(again.json, "wrap_info", "ttl"), at(again.json, "warnings")])
      .toEqual([MAX_SECONDS, [WARNING]]);
    client.api.clock.nowMs += MAX_SECONDS * 1000;
    const fresh = { token: textAt(again.json, "wrap_info", "token") };
    expect((await send("POST", "sys/wrapping/unwrap", { body: fresh })).status).toBe(400);
  });

  it("policies judge the capped wrap TTL", async () => {
    const policy =
      'path "sys/wrapping/wrap" { capabilities = ["update"] max_wrapping_ttl = "768h" }';
    const root = { token: client.root };
    await send("PUT", "sys/policies/acl/w", { ...root, body: { policy } });
    const made = await send("POST", "auth/token/create", { ...root, body: { policies: ["w"] } });
    const token = textAt(made.json, "auth", "client_token");
    const body = { a: "1" };
    expect((await send("POST", "sys/wrapping/wrap", { body, token, ttl: LONG })).status).toBe(200);
  });

  async function defaultToken() {
    const body = { policies: ["default"] };
    const made = await send("POST", "auth/token/create", { body, token: client.root });
    return { token: textAt(made.json, "auth", "client_token") };
  }
});

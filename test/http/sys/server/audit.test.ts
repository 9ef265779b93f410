/** The audit trail over HTTP: its entries, what it hides, failing devices, and `sys/audit`. */

import { describe, expect, it } from "vitest";
import { AUDIT_REST_MIN_MS } from "../../../../src/limits.ts";
import {
  at,
  initialiseOpen,
  PGP_FINGERPRINT,
  PGP_PUBLIC_KEY,
  textAt,
  textsAt,
  unseal,
} from "../../../contract/api.contract.ts";
import { createRecordingSinks } from "../../../audit/recording_sinks.ts";
import { type Audited, enable, startAudited } from "../../audited_api.ts";
import { startMemoryApi } from "../../memory_api.ts";
import { tokenWith } from "../../stages.ts";

const HASH = /^hmac-sha256:[0-9a-f]{64}$/;

async function hashOf({ api, root }: Audited, input: string): Promise<string> {
  const reply = await api.request("POST", "/v1/sys/audit-hash/a", { token: root, body: { input } });
  return textAt(reply.json, "data", "hash");
}

describe("fields shown in clear", () => {
  async function showing(): Promise<Audited> {
    const audited = await startAudited();
    const { api, root } = audited;
    const body = {
      audit_non_hmac_request_keys: ["shown", "token_policies"],
      audit_non_hmac_response_keys: ["shown"],
    };
    await api.request("POST", "/v1/sys/mounts/kv/tune", { token: root, body });
    audited.fresh();
    return audited;
  }

  it("fields that a mount shows in clear are readable at any depth, and no others are", async () => {
    const { api, root, fresh } = await showing();
    const inner = { shown: ["b", { shown: "c", other: "hide me" }], deep: "hide me", number: 5 };
    const body = { shown: "a", other: "hide me", nested: inner };
    await api.request("PUT", "/v1/kv/a", { token: root, body });
    const [request] = fresh();
    const hash = expect.stringMatching(HASH);
    expect(request?.request["data"]).toEqual({
      shown: "a",
      other: hash,
      nested: { shown: ["b", { shown: "c", other: hash }], deep: hash, number: 5 },
    });
    await api.request("GET", "/v1/kv/a", { token: root });
    const [, response] = fresh();
    expect(at(response?.response, "data", "shown")).toBe("a");
    expect(at(response?.response, "data", "other")).toMatch(HASH);
  });

  it("fields that a mount shows in clear stay hashed for other mounts and in answers", async () => {
    const { api, root, fresh, sinks } = await showing();
    const token_policies = "not here";
    await api.request("PUT", "/v1/kv2/data/a", { token: root, body: { data: { token_policies } } });
    expect(sinks.all().join()).not.toContain(token_policies);
    await api.request("PUT", "/v1/kv/b", { token: root, body: { token_policies } });
    fresh();
    await api.request("GET", "/v1/kv/b", { token: root });
    const [, response] = fresh();
    expect(at(response?.response, "data", "token_policies")).toMatch(HASH);
  });

  it("fields that an auth method shows in clear are readable in its requests", async () => {
    const { api, root, fresh } = await startAudited();
    const body = { type: "userpass", config: { audit_non_hmac_request_keys: "token_policies" } };
    await api.request("POST", "/v1/sys/auth/people", { token: root, body });
    fresh();
    const user = { password: "secret", token_policies: "readers" };
    await api.request("POST", "/v1/auth/people/users/ann", { token: root, body: user });
    const [request] = fresh();
    expect(request?.request["data"]).toEqual({
      password: expect.stringMatching(HASH),
      token_policies: "readers",
    });
  });

  it("a share stays hashed even if the sys mount is tuned to show its field", async () => {
    const { api, root, shares, sinks } = await startAudited();
    const body = { audit_non_hmac_request_keys: ["key", "secret_shares"] };
    const tuned = await api.request("POST", "/v1/sys/mounts/sys/tune", { token: root, body });
    expect(tuned.status).toBe(204);
    const counts = { secret_shares: 1, secret_threshold: 1 };
    const started = await api.request("PUT", "/v1/sys/rekey/init", { token: root, body: counts });
    const nonce = textAt(started.json, "nonce");
    const share = { key: shares[0], nonce };
    await api.request("PUT", "/v1/sys/rekey/update", { token: root, body: share });
    expect(sinks.all().join()).toContain("sys/rekey/update");
    expect(sinks.all().join()).not.toContain(shares[0]);
  });
});

describe("the audit trail", () => {
  it("the trail has a request and a response entry, with the id that the client sees", async () => {
    const { api, root, fresh } = await startAudited();
    const reply = await api.request("GET", "/v1/kv/a", { token: root });
    const lines = fresh();
    expect(lines.map(({ type }) => type)).toEqual(["request", "response"]);
    for (const { request, auth } of lines) {
      expect(request).toMatchObject({
        id: textAt(reply.json, "request_id"),
        operation: "read",
        path: "kv/a",
        mount_type: "kv",
        mount_point: "kv/",
        namespace: { id: "root" },
      });
      expect(request["client_token"]).toMatch(HASH);
      expect(auth).toMatchObject({
        display_name: "root",
        policies: ["root"],
        policy_results: { allowed: true, granting_policies: [{ name: "root" }] },
      });
    }
    expect(at(lines[1], "response", "data", "x")).toMatch(HASH);
    expect(lines[0]).not.toHaveProperty("response");
  });

  it("the trail distinguishes create, update and list", async () => {
    const { api, root, fresh } = await startAudited();
    await api.request("PUT", "/v1/kv2/data/new", { token: root, body: { data: { x: "1" } } });
    await api.request("PUT", "/v1/kv2/data/new", { token: root, body: { data: { x: "2" } } });
    await api.request("GET", "/v1/kv2/metadata?list=true", { token: root });
    const requests = fresh().filter(({ type }) => type === "request").map(({ request }) => request);
    expect(requests.map(({ operation }) => operation)).toEqual(["create", "update", "list"]);
    expect(requests.map(({ path }) => path)).toEqual([
      "kv2/data/new",
      "kv2/data/new",
      "kv2/metadata/",
    ]);
  });

  it("the trail records refusals with their error, and no data of an unknown token", async () => {
    const { api, root, fresh } = await startAudited();
    const limited = await tokenWith(api, root, 'path "kv/b" { capabilities = ["read"] }');
    fresh();
    await api.request("PUT", "/v1/kv/a", { token: limited, body: { x: "denied" } });
    await api.request("PUT", "/v1/kv/a", { token: "s.unknown", body: { x: "unknown" } });
    await api.request("GET", "/v1/sys/rekey/init", {});
    const lines = fresh();
    expect(lines.map(({ type }) => type)).toEqual(Array(3).fill(["request", "response"]).flat());
    for (const { error, auth } of lines) {
      expect(error).toContain("permission denied");
      expect(auth["policy_results"]).toEqual({ allowed: false });
    }
    expect(at(lines[0], "request", "data", "x")).toMatch(HASH);
    expect(lines[0]?.auth["display_name"]).toBe("token");
    expect(lines[2]?.request).not.toHaveProperty("data");
    expect(lines[2]?.request["client_token"]).toMatch(HASH);
    expect(lines[4]?.request["path"]).toBe("sys/rekey/init");
  });

  it("the trail hashes the error text of a bad request", async () => {
    const audited = await startAudited();
    const { api, root, fresh } = audited;
    const reply = await api.request("PUT", "/v1/sys/mounts/kv", { token: root, body: {} });
    const [, response] = fresh();
    expect(reply.status).toBe(400);
    expect(response?.error).toBe(await hashOf(audited, textAt(reply.json, "errors", 0)));
  });

  it("sys/audit-hash gives the hash by which a known value is found in the trail", async () => {
    const audited = await startAudited();
    const { api, root, fresh } = audited;
    await api.request("PUT", "/v1/kv/a", { token: root, body: { x: "needle" } });
    const [request] = fresh();
    expect(request?.request["client_token"]).toBe(await hashOf(audited, root));
    expect(at(request, "request", "data", "x")).toBe(await hashOf(audited, "needle"));
    const wrong = [
      ["/v1/sys/audit-hash/none", { input: "x" }],
      ["/v1/sys/audit-hash/a", {}],
    ] as const;
    for (const [path, body] of wrong) {
      expect((await api.request("POST", path, { token: root, body })).status).toBe(400);
    }
  });

  it("the trail shows a rekey's ids and counts but none of its old or new shares", async () => {
    const { api, root, shares, sinks, fresh } = await startAudited();
    const body = { secret_shares: 1, secret_threshold: 1, pgp_keys: [PGP_PUBLIC_KEY] };
    const started = await api.request("PUT", "/v1/sys/rekey/init", { token: root, body });
    const nonce = textAt(started.json, "nonce");
    for (const key of shares.slice(0, 2)) {
      await api.request("PUT", "/v1/sys/rekey/update", { token: root, body: { key, nonce } });
    }
    const lines = fresh();
    expect(lines).toHaveLength(6);
    expect(at(lines[1], "response", "data")).toMatchObject({ nonce, t: 1, n: 1 });
    expect(at(lines[2], "request", "data", "nonce")).toBe(nonce);
    expect(at(lines[2], "request", "data", "key")).toMatch(HASH);
    const done = at(lines[5], "response", "data");
    expect(done).toMatchObject({ complete: true, pgp_fingerprints: [PGP_FINGERPRINT] });
    expect(at(done, "keys", 0)).toMatch(HASH);
    for (const share of shares) expect(sinks.all().join("\n")).not.toContain(share);
  });

  it("the trail has only the request entry of a seal, and both of the last unseal", async () => {
    const { api, root, shares, sinks, fresh } = await startAudited();
    expect((await api.request("PUT", "/v1/sys/seal", { token: "s.unknown" })).status).toBe(403);
    expect((await api.request("PUT", "/v1/sys/seal", { token: root })).status).toBe(204);
    const lines = fresh();
    expect(lines.map(({ type, error }) => [type, error])).toEqual([
      ["request", "permission denied"],
      ["request", undefined],
    ]);
    expect(sinks.events).toEqual(["open a", "close a"]);
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(503);
    await unseal(api, shares.slice(0, 2));
    const opening = fresh();
    expect(opening.map(({ type, request }) => [type, request["path"]])).toEqual([
      ["request", "sys/unseal"],
      ["response", "sys/unseal"],
    ]);
    expect(at(opening[0], "request", "data", "key")).toMatch(HASH);
    expect(at(opening[1], "response", "data")).toMatchObject({ sealed: false, progress: 0 });
    expect(sinks.events).toEqual(["open a", "close a", "open a"]);
  });

  it("the trail never has a token, share, value or other secret in clear", async () => {
    const { api, root, shares, sinks } = await startAudited();
    const canary = (name: string) => `canary-${name}-9c1f`;
    const secrets = [root, ...shares];
    const send = async (method: string, path: string, body?: unknown, token = root, ttl = "") => {
      const headers: Record<string, string> = ttl === "" ? {} : { "X-Vault-Wrap-TTL": ttl };
      const sent = body === undefined ? { token, headers } : { token, headers, body };
      return await api.request(method, path, sent);
    };
    await send("PUT", "/v1/kv/a", { x: canary("kv"), deep: [{ y: canary("deep") }] });
    await send("POST", "/v1/kv2/data/a", { data: { x: canary("kv2") }, options: {} });
    await send("GET", "/v1/kv/a");
    await send("GET", "/v1/kv2/data/a");
    await send("PUT", "/v1/kv/a", { x: canary("denied") }, canary("token"));
    await send("GET", `/v1/kv/a?x=${canary("query")}`);
    const created = await send("POST", "/v1/auth/token/create", { policies: ["default"] });
    secrets.push(textAt(created.json, "auth", "client_token"));
    secrets.push(textAt(created.json, "auth", "accessor"));
    const token = textAt(created.json, "auth", "client_token");
    await send("POST", "/v1/auth/token/lookup", { token });
    const wrapped = await send("GET", "/v1/kv/a", undefined, root, "60s");
    const wrappingToken = textAt(wrapped.json, "wrap_info", "token");
    secrets.push(wrappingToken);
    await send("POST", "/v1/sys/wrapping/lookup", { token: wrappingToken });
    await send("POST", "/v1/sys/wrapping/unwrap", { token: wrappingToken });
    await send("PUT", "/v1/sys/rekey/init", { secret_shares: 3, secret_threshold: 2 });
    await send("PUT", "/v1/sys/rekey/update", { key: canary("share"), nonce: canary("nonce") });
    await send("PUT", "/v1/sys/rekey/update", { KEY: shares[0], nonce: shares[1] });
    await send("DELETE", "/v1/sys/rekey/init", { nonce: canary("cancel") });
    const otp = await send("PUT", "/v1/sys/generate-root/attempt", {});
    secrets.push(textAt(otp.json, "otp"));
    const nonce = textAt(otp.json, "nonce");
    for (const key of shares.slice(0, 2)) {
      const given = await send("PUT", "/v1/sys/generate-root/update", { key, nonce });
      const encoded = at(given.json, "encoded_token");
      if (typeof encoded === "string" && encoded !== "") secrets.push(encoded);
    }
    await send("PUT", "/v1/sys/decode-token", { encoded_token: canary("enc"), otp: canary("otp") });
    await send("PUT", "/v1/sys/rotate/root/init", { secret_shares: 3, secret_threshold: 2 });
    const state = await send("GET", "/v1/sys/rotate/root/init");
    const id = textAt(state.json, "data", "nonce");
    for (const key of shares.slice(0, 2)) {
      const given = await send("PUT", "/v1/sys/rotate/root/update", { key, nonce: id });
      if (at(given.json, "data", "keys") === undefined) continue;
      secrets.push(...textsAt(given.json, "data", "keys"));
      secrets.push(...textsAt(given.json, "data", "keys_base64"));
    }
    const text = sinks.all().join("\n");
    expect(sinks.all().length).toBeGreaterThan(40);
    expect(text).toContain('"operation":"update"');
    expect(secrets.length).toBeGreaterThan(12);
    for (const secret of secrets) expect(text.includes(secret)).toBe(false);
    expect(text).not.toContain("canary-");
    expect(api.log.join("\n")).not.toContain("canary-");
  });

  it("requests are served without a trail while no audit device is enabled", async () => {
    const { api, root, sinks } = await startAudited([]);
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(200);
    expect(sinks.all()).toEqual([]);
    expect(sinks.events).toEqual([]);
  });
});

describe("failing audit devices", () => {
  it("a request fails and changes nothing if no audit device takes its request entry", async () => {
    const { api, root, shares, sinks } = await startAudited();
    const before = await api.snapshot();
    sinks.broken.add("a");
    const requests = [
      ["PUT", "/v1/kv/a", { x: "changed" }],
      ["DELETE", "/v1/kv/a", undefined],
      ["POST", "/v1/auth/token/create", {}],
      ["PUT", "/v1/sys/policies/acl/p", { policy: "" }],
      ["PUT", "/v1/sys/rekey/init", { secret_shares: 1, secret_threshold: 1 }],
      ["PUT", "/v1/sys/rotate/root/init", { secret_shares: 1, secret_threshold: 1 }],
      ["PUT", "/v1/sys/rekey/update", { key: shares[0], nonce: "" }],
      ["PUT", "/v1/sys/unseal", { key: shares[0] }],
      ["PUT", "/v1/sys/step-down", {}],
      ["POST", "/v1/sys/audit-hash/a", { input: "x" }],
      ["GET", "/v1/kv/a?help=1", undefined],
    ] as const;
    for (const [method, path, body] of requests) {
      const sent = body === undefined ? { token: root } : { token: root, body };
      const reply = await api.request(method, path, sent);
      expect([path, reply.status, reply.json])
        .toEqual([path, 500, { errors: ["internal error"] }]);
    }
    const denied = await api.request("GET", "/v1/kv/a", { token: "s.unknown" });
    expect(denied.status).toBe(500);
    expect(await api.snapshot()).toBe(before);
    expect((await api.request("GET", "/v1/sys/seal-status")).json).toMatchObject({ sealed: false });
    sinks.broken.clear();
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(200);
  });

  it("an answer is withheld if no audit device takes its response entry", async () => {
    const { api, root, sinks } = await startAudited();
    sinks.broken.add("a");
    sinks.refuses = (line) => line.includes('"type":"response"');
    const reply = await api.request("GET", "/v1/kv/a", { token: root });
    expect([reply.status, reply.json]).toEqual([500, { errors: ["internal error"] }]);
    const raw = await api.request("GET", "/v1/sys/rekey/init", { token: root });
    expect([raw.status, raw.json]).toEqual([500, { errors: ["internal error"] }]);
    const wrapped = await api.request("GET", "/v1/kv/a", {
      token: root,
      headers: { "X-Vault-Wrap-TTL": "60" },
    });
    expect(wrapped.status).toBe(500);
  });

  it("one working audit device is enough, and a failing one is logged once until it recovers", async () => {
    const { api, root, sinks } = await startAudited(["a", "b"]);
    const failures = () => api.log.filter((line) => line.includes("does not take entries"));
    sinks.broken.add("b");
    for (let count = 0; count < 3; count++) {
      expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(200);
    }
    expect(failures()).toHaveLength(1);
    expect(failures()[0]).toContain('"path":"b/"');
    sinks.broken.clear();
    api.clock.nowMs += AUDIT_REST_MIN_MS;
    await api.request("GET", "/v1/kv/a", { token: root });
    expect(api.log.join("\n")).toContain("takes entries again");
    sinks.broken.add("b");
    await api.request("GET", "/v1/kv/a", { token: root });
    expect(failures()).toHaveLength(2);
  });

  it("requests are refused while the only audit device cannot be opened", async () => {
    const { api, root, shares, sinks } = await startAudited();
    sinks.unopenable.add("a");
    await api.restart();
    await unseal(api, shares.slice(0, 2));
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(500);
    sinks.unopenable.clear();
    expect((await api.request("GET", "/v1/kv/a", { token: root })).status).toBe(200);
  });
});

describe("sys/audit", () => {
  it("sys/audit lists enabled devices, which keep their salt over a restart", async () => {
    const audited = await startAudited(["a", "deep/er"]);
    const { api, root, shares, fresh } = audited;
    const list = async () => (await api.request("GET", "/v1/sys/audit", { token: root })).json;
    const wanted = {
      "a/": {
        path: "a/",
        type: "test",
        description: "device a",
        options: { name: "a" },
        local: false,
      },
      "deep/er/": { path: "deep/er/", type: "test" },
    };
    expect(await list()).toMatchObject({ ...wanted, data: wanted });
    const hash = await hashOf(audited, "x");
    await api.restart();
    await unseal(api, shares.slice(0, 2));
    expect(await list()).toMatchObject({ data: wanted });
    expect(await hashOf(audited, "x")).toBe(hash);
    expect(fresh().length).toBeGreaterThan(0);
    expect((await api.request("DELETE", "/v1/sys/audit/a", { token: root })).status).toBe(204);
    expect(at(await list(), "data", "a/")).toBeUndefined();
    await api.restart();
    await unseal(api, shares.slice(0, 2));
    expect(Object.keys(at(await list(), "data") as object)).toEqual(["deep/er/"]);
  });

  it("an audit device that is enabled again has another salt", async () => {
    const audited = await startAudited();
    const { api, root } = audited;
    const hash = await hashOf(audited, "x");
    await api.request("DELETE", "/v1/sys/audit/a", { token: root });
    await enable(api, root, "a");
    expect(await hashOf(audited, "x")).not.toBe(hash);
  });

  it("enabling an audit device writes a test line, and fails if the device refuses it", async () => {
    const { api, root, sinks } = await startAudited([]);
    await enable(api, root, "b");
    expect(JSON.parse(sinks.lines("b")[0] ?? "")).toMatchObject({
      type: "request",
      request: { path: "sys/audit/test" },
    });
    const before = await api.snapshot();
    sinks.broken.add("c");
    sinks.unopenable.add("d");
    for (const name of ["c", "d"]) {
      const reply = await enable(api, root, name);
      expect(reply.status).toBe(400);
      expect(textAt(reply.json, "errors", 0)).toContain("sanity check failed");
    }
    expect(sinks.events).toContain("close c");
    expect(await api.snapshot()).toBe(before);
  });

  it.each([
    ["a path that is taken", "a", { type: "test" }],
    ["a path below one that is taken", "a/b", { type: "test" }],
    ["a path of the settings", "settings/file", { type: "test" }],
    ["an unknown type", "z", { type: "syslog" }],
    ["no type", "z", {}],
    ["options that are not a map", "z", { type: "test", options: "x" }],
  ])("sys/audit refuses %s", async (_name, path, body) => {
    const { api, root } = await startAudited();
    const reply = await api.request("PUT", `/v1/sys/audit/${path}`, { token: root, body });
    expect(reply.status).toBe(400);
    const list = await api.request("GET", "/v1/sys/audit", { token: root });
    expect(Object.keys(at(list.json, "data") as object)).toEqual(["a/"]);
  });

  it("sys/audit needs sudo, and sys/audit-hash does not", async () => {
    const { api, root } = await startAudited();
    const rules = (more: string) =>
      `path "sys/audit*" { capabilities = ["create", "read", "update", "delete"${more}] }`;
    const without = await tokenWith(api, root, rules(""));
    const withSudo = await tokenWith(api, root, rules(', "sudo"'));
    const statuses = async (token: string) => [
      (await api.request("GET", "/v1/sys/audit", { token })).status,
      (await enable(api, token, `b-${token.length}-${token.slice(-4)}`)).status,
      (await api.request("DELETE", "/v1/sys/audit/none", { token })).status,
      (await api.request("POST", "/v1/sys/audit-hash/a", { token, body: { input: "x" } })).status,
    ];
    expect(await statuses(without)).toEqual([403, 403, 403, 200]);
    expect(await statuses(withSudo)).toEqual([200, 204, 204, 200]);
  });

  it("sys/audit lists devices of the settings, which cannot be removed", async () => {
    const sinks = createRecordingSinks([{ type: "test", options: {} }]);
    const api = await startMemoryApi({ audit: sinks.settings });
    const { root, shares } = await initialiseOpen(api, 1, 1);
    const list = await api.request("GET", "/v1/sys/audit", { token: root });
    expect(at(list.json, "data", "settings/test/")).toMatchObject({ type: "test", local: true });
    const removed = await api.request("DELETE", "/v1/sys/audit/settings/test", { token: root });
    expect(removed.status).toBe(400);
    const body = { input: "x" };
    const hash = () =>
      api.request("POST", "/v1/sys/audit-hash/settings/test", { token: root, body });
    const before = textAt((await hash()).json, "data", "hash");
    await api.restart();
    await unseal(api, shares);
    expect(textAt((await hash()).json, "data", "hash")).toBe(before);
    expect(sinks.lines("test").length).toBe(12);
  });
});

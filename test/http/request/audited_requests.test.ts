/** Which requests have lines in the audit trail: from the first init on, and when they are unreadable. */

import { describe, expect, it } from "vitest";
import { createRecordingSinks } from "../../audit/recording_sinks.ts";
import { at, initialise, textAt, textsAt, unseal } from "../../contract/api.contract.ts";
import { type Audited, type Line, startAudited } from "../audited_api.ts";
import { startMemoryApi, STATIC_SEAL } from "../memory_api.ts";

const HASH = /^hmac-sha256:[0-9a-f]{64}$/;
const PAIR = ["request", "response"];

function shown(lines: readonly Line[]): readonly (readonly unknown[])[] {
  return lines.map(({ type, request }) => [type, request["operation"], request["path"]]);
}

function pair(operation: string, path: string): readonly (readonly unknown[])[] {
  return PAIR.map((type) => [type, operation, path]);
}

describe("audit devices from the settings", () => {
  const devices = [{ type: "test", options: {} }];

  it("the trail has the init that unsealed the vault, without its shares and tokens", async () => {
    const sinks = createRecordingSinks(devices);
    const api = await startMemoryApi({ seal: STATIC_SEAL, audit: sinks.settings });
    const { root, shares } = await initialise(api, 3, 2, "static");
    const lines = sinks.lines("test").map((line) => JSON.parse(line) as Line);
    expect(shown(lines)).toEqual(pair("update", "sys/init"));
    expect(at(lines[0], "request", "data")).toEqual({ recovery_shares: 3, recovery_threshold: 2 });
    expect(at(lines[1], "response", "data", "root_token")).toMatch(HASH);
    expect(at(lines[1], "response", "data", "recovery_keys", 0)).toMatch(HASH);
    for (const secret of [root, ...shares]) expect(sinks.all().join()).not.toContain(secret);
  });

  it("the trail has the share that unsealed the vault, hashed, and no earlier ones", async () => {
    const sinks = createRecordingSinks(devices);
    const api = await startMemoryApi({ audit: sinks.settings });
    const { shares } = await initialise(api, 3, 2);
    await unseal(api, shares.slice(0, 1));
    expect(sinks.all()).toEqual([]);
    await unseal(api, shares.slice(1, 2));
    const lines = sinks.lines("test").map((line) => JSON.parse(line) as Line);
    expect(shown(lines)).toEqual(pair("update", "sys/unseal"));
    expect(at(lines[0], "request", "data", "key")).toMatch(HASH);
    expect(sinks.all().join()).not.toContain(shares[1]);
  });

  it("an init that unseals the vault is answered even if no audit device takes a line", async () => {
    const sinks = createRecordingSinks(devices);
    sinks.broken.add("test");
    const api = await startMemoryApi({ seal: STATIC_SEAL, audit: sinks.settings });
    const body = { recovery_shares: 1, recovery_threshold: 1 };
    const made = await api.request("PUT", "/v1/sys/init", { body });
    expect(made.status).toBe(200);
    expect(textsAt(made.json, "recovery_keys")).toHaveLength(1);
    const missing = api.log.filter((line) => line.includes("without an audit entry"));
    expect(missing).toHaveLength(2);
    expect(missing.join()).toContain('"path":"sys/init"');
  });

  it("the last unseal is answered even if its audit device cannot be opened", async () => {
    const sinks = createRecordingSinks(devices);
    sinks.unopenable.add("test");
    const api = await startMemoryApi({ audit: sinks.settings });
    const { shares } = await initialise(api, 1, 1);
    const opened = await api.request("PUT", "/v1/sys/unseal", { body: { key: shares[0] } });
    expect([opened.status, at(opened.json, "sealed")]).toEqual([200, false]);
  });
});

describe("audited requests of an unsealed vault", () => {
  async function after(
    audited: Audited,
    method: string,
    path: string,
    request: Parameters<Audited["api"]["request"]>[2] = {},
  ): Promise<{ readonly status: number; readonly lines: readonly Line[] }> {
    audited.fresh();
    const { status } = await audited.api.request(method, `/v1/${path}`, request);
    return { status, lines: audited.fresh() };
  }

  it("init, unseal and step-down have both audit lines with and without a token", async () => {
    const audited = await startAudited();
    const init = await after(audited, "GET", "sys/init");
    expect([init.status, shown(init.lines)]).toEqual([200, pair("read", "sys/init")]);
    const key = audited.shares[0];
    const again = await after(audited, "POST", "sys/unseal", { body: { KEY: key, key } });
    expect([again.status, shown(again.lines)]).toEqual([200, pair("update", "sys/unseal")]);
    const refused = await after(audited, "PUT", "sys/init", { body: { secret_shares: 1 } });
    expect([refused.status, shown(refused.lines)]).toEqual([400, pair("update", "sys/init")]);
    expect(refused.lines[1]?.error).toMatch(HASH);
    const down = await after(audited, "PUT", "sys/step-down", { token: audited.root });
    expect([down.status, shown(down.lines)]).toEqual([204, pair("update", "sys/step-down")]);
    expect(audited.sinks.all().join()).not.toContain(key);
  });

  it("a share stays hidden even if the sys mount is tuned to show its field", async () => {
    const audited = await startAudited();
    const { api, root, shares, sinks } = audited;
    const body = { audit_non_hmac_request_keys: ["key", "pgp_keys"] };
    await api.request("POST", "/v1/sys/mounts/sys/tune", { token: root, body });
    await after(audited, "PUT", "sys/unseal", { body: { key: shares[0] } });
    await after(audited, "PUT", "sys/init", { body: { pgp_keys: [shares[0]] } });
    expect(sinks.all().join()).toContain("sys/init");
    expect(sinks.all().join()).not.toContain(shares[0]);
  });

  it.each(["sys/seal-status", "sys/health", "sys/leader"])("%s is not audited", async (path) => {
    const audited = await startAudited();
    const { root: token } = audited;
    for (const method of ["GET", "DELETE"]) {
      expect((await after(audited, method, path, { token })).lines).toEqual([]);
    }
    expect((await after(audited, "GET", `${path}?list=maybe`, { token })).lines).toEqual([]);
  });

  it("help has both audit lines as its own operation, with or without a token", async () => {
    const audited = await startAudited();
    const { root: token } = audited;
    const raw = await after(audited, "GET", "sys/rekey/init?help=1", { token });
    expect([raw.status, shown(raw.lines)]).toEqual([200, pair("help", "sys/rekey/init")]);
    expect(raw.lines[0]?.auth["display_name"]).toBe("root");
    const anonymous = await after(audited, "PUT", "sys/unseal?help=1", { body: { key: "x" } });
    expect([anonymous.status, shown(anonymous.lines)]).toEqual([200, pair("help", "sys/unseal")]);
    expect(anonymous.lines[0]?.request).not.toHaveProperty("data");
    const logical = await after(audited, "GET", "kv/a?help=1", { token });
    expect([logical.status, shown(logical.lines)]).toEqual([200, pair("help", "kv/a")]);
    const denied = await after(audited, "GET", "kv/a?help=1");
    expect([denied.status, shown(denied.lines)]).toEqual([403, pair("help", "kv/a")]);
  });

  interface Unreadable {
    readonly name: string;
    readonly method: string;
    readonly path: string;
    readonly status: number;
    readonly operation: string;
    readonly sent?: Parameters<Audited["api"]["request"]>[2];
  }

  const BAD = { rawBody: "{bad" };
  const PATCH = { rawBody: "{}", headers: { "Content-Type": "text/secret-stuff" } };
  const UNREADABLE: readonly Unreadable[] = [
    ...[
      { name: "a malformed body", path: "kv/x", sent: BAD },
      { name: "a body nested too deeply", path: "kv/x", sent: { rawBody: "[".repeat(2000) } },
    ].map((row) => ({ ...row, method: "PUT", status: 400, operation: "update" })),
    {
      name: "a patch",
      method: "PATCH",
      path: "kv/a",
      status: 415,
      operation: "patch",
      sent: PATCH,
    },
    ...[
      { name: "a query whose flag is not a boolean", path: "kv/?list=maybe" },
      { name: "a path that is not text", path: "kv/%ff" },
      { name: "a path with encoded dots", path: "kv/%2e%2e/a" },
      { name: "a wrap time", path: "kv/a", sent: { headers: { "X-Vault-Wrap-TTL": "soon" } } },
    ].map((row) => ({ ...row, method: "GET", status: 400, operation: "read" })),
    { name: "a method", method: "FOO", path: "kv/a", status: 405, operation: "unknown" },
    ...["sys/rekey/update", "sys/unseal"].map((path) => ({
      ...{ name: `a method of ${path}`, method: "GET", path, status: 405, operation: "read" },
    })),
    {
      name: "a namespace for a server-wide endpoint",
      method: "PUT",
      path: "sys/step-down",
      status: 400,
      operation: "update",
      sent: { headers: { "X-Vault-Namespace": "a" } },
    },
  ];

  describe.each(UNREADABLE)(
    "$name that cannot be served",
    ({ method, path, status, operation, sent }) => {
      const target = path.replace(/[?].*/, "").replace(/\/$/, "");

      it("an unreadable request with a valid token has both audit lines, without its data", async () => {
        const audited = await startAudited();
        const { root: token } = audited;
        const answer = await after(audited, method, path, { token, ...sent });
        expect([answer.status, shown(answer.lines)]).toEqual([status, pair(operation, target)]);
        for (const { error, request, auth } of answer.lines) {
          expect(error).toMatch(/./);
          expect(request).not.toHaveProperty("data");
          expect(auth["display_name"]).toBe("root");
        }
        expect(JSON.stringify(answer.lines)).not.toMatch(/secret-stuff|\{bad/);
      });

      it("an unreadable request without a valid token has no audit lines", async () => {
        const audited = await startAudited();
        for (const token of ["", "s.unknown"]) {
          const answer = await after(audited, method, path, { token, ...sent });
          expect([answer.status, answer.lines]).toEqual([status, []]);
        }
      });
    },
  );

  it("a malformed body sent to a raw endpoint has both audit lines, without data", async () => {
    const audited = await startAudited();
    const sent = { token: audited.root, ...BAD };
    const { status, lines } = await after(audited, "PUT", "sys/rekey/init", sent);
    expect([status, shown(lines)]).toEqual([400, pair("update", "sys/rekey/init")]);
    expect(lines[0]?.request).not.toHaveProperty("data");
    expect(lines[1]?.error).toMatch(HASH);
  });

  it("an unreadable request spends no use of its token", async () => {
    const audited = await startAudited();
    const { api, root } = audited;
    const body = { policies: ["root"], num_uses: 1 };
    const made = await api.request("POST", "/v1/auth/token/create", { token: root, body });
    const token = textAt(made.json, "auth", "client_token");
    for (let tries = 0; tries < 3; tries++) {
      const { lines } = await after(audited, "POST", "kv/x", { token, rawBody: "{bad" });
      expect(lines).toHaveLength(2);
    }
    expect((await after(audited, "GET", "kv/a?help", { token })).status).toBe(200);
    expect((await after(audited, "GET", "kv/a", { token })).status).toBe(403);
    expect((await after(audited, "POST", "kv/x", { token, rawBody: "{bad" })).lines).toEqual([]);
  });

  it("a bad token in an unreadable request counts against the rate limit", async () => {
    const rateLimit = { perSecond: 1, burst: 3 };
    const api = await startMemoryApi({ rateLimit });
    // These two count: they need no token.
    const { root, shares } = await initialise(api, 1, 1);
    await unseal(api, shares);
    const statusOf = async (token: string) =>
      (await api.request("POST", "/v1/kv/x", { token, ...BAD })).status;
    expect([await statusOf("s.guess"), await statusOf("s.guess")]).toEqual([400, 429]);
    expect([await statusOf(root), await statusOf("")]).toEqual([400, 400]);
  });

  it("an unreadable request is refused with 500 when no audit device takes its lines", async () => {
    const { api, root: token, sinks } = await startAudited();
    sinks.broken.add("a");
    const reply = await api.request("POST", "/v1/kv/x", { token, rawBody: "{bad" });
    expect(reply.status).toBe(500);
    const mending = await api.request("PUT", "/v1/sys/audit/b", { token, rawBody: "{bad" });
    expect(mending.status).toBe(400);
  });
});

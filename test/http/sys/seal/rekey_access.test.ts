/** Who may do what: the three access modes of the legacy ceremonies, and policies everywhere else. */

import { describe, expect, it } from "vitest";
import type { AccessMode } from "../../../../src/http/request/call.ts";
import {
  type ApiRequest,
  initialise,
  initialiseOpen,
  PERMISSION_DENIED,
  PGP_FINGERPRINT,
  POLICY_DENIED,
  textAt,
  unseal,
} from "../../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "../../memory_api.ts";
import { openRootClient } from "../../root_client.ts";
import { mountEngines, tokenWith } from "../../stages.ts";

type Capability = "create" | "read" | "update" | "delete" | "list";
const CAPABILITIES: readonly Capability[] = ["create", "read", "update", "delete", "list"];

interface Caller {
  readonly name: string;
  /** Undefined: no token is sent. */
  readonly token: string | undefined;
  readonly valid: boolean;
  readonly capabilities: readonly Capability[];
  readonly sudo: boolean;
}

async function callers(api: MemoryApi, root: string): Promise<readonly Caller[]> {
  const everywhere = async (name: string, capabilities: readonly Capability[], sudo = false) => {
    const words = [...capabilities, ...(sudo ? ["sudo"] : [])].map((word) => `"${word}"`);
    const policy = `path "*" { capabilities = [${words.join(", ")}] }`;
    const token = await tokenWith(api, root, policy);
    return { name, token, valid: true, capabilities, sudo };
  };
  const body = { policies: ["default"] };
  const plain = await api.request("POST", "/v1/auth/token/create", { token: root, body });
  const invalid = { valid: false, capabilities: [], sudo: false };
  return [
    { ...invalid, name: "no token", token: undefined },
    { ...invalid, name: "an empty token", token: "" },
    { ...invalid, name: "a bad token", token: "s.doesnotexist" },
    {
      name: "a token without rights",
      token: textAt(plain.json, "auth", "client_token"),
      valid: true,
      capabilities: [],
      sudo: false,
    },
    await everywhere("a token that may read", ["read"]),
    await everywhere("a token that may create", ["create"]),
    await everywhere("a token that may update", ["update"]),
    await everywhere("a token that may delete", ["delete"]),
    await everywhere("a token that may list", ["list"]),
    await everywhere("a token with everything but sudo", CAPABILITIES),
    await everywhere("a token with nothing but sudo", [], true),
    await everywhere("a token with everything", CAPABILITIES, true),
    { name: "the root token", token: root, valid: true, capabilities: CAPABILITIES, sudo: true },
  ];
}

interface Row {
  readonly method: string;
  readonly path: string;
  /** Any one of them is enough. */
  readonly needs: readonly Capability[];
  readonly sudo?: boolean;
  /** Modes in which no token is needed. */
  readonly free?: readonly AccessMode[];
  readonly body?: unknown;
  /** The status of a caller that is let through: the handler was reached, and changed nothing. */
  readonly reached: number;
}

/** Fails with every answer that breaks the rules. */
async function expectRules(
  api: MemoryApi,
  rows: readonly Row[],
  everybody: readonly Caller[],
  mode: AccessMode,
): Promise<void> {
  const failures: string[] = [];
  for (const { method, path, needs, sudo = false, free = [], body, reached } of rows) {
    for (const caller of everybody) {
      const request: ApiRequest = {
        ...(caller.token === undefined ? {} : { token: caller.token }),
        ...(body === undefined ? {} : { body }),
      };
      const response = await api.request(method, `/v1/${path}`, request);
      const may = needs.some((capability) => caller.capabilities.includes(capability)) &&
        (!sudo || caller.sudo);
      const refusal = JSON.stringify(caller.valid ? POLICY_DENIED : PERMISSION_DENIED);
      const wanted = may || free.includes(mode) ? String(reached) : `403 ${refusal}`;
      const got = response.status === 403
        ? `403 ${JSON.stringify(response.json)}`
        : String(response.status);
      if (got !== wanted) failures.push(`${method} ${path} by ${caller.name}: ${got}`);
    }
  }
  expect(failures).toEqual([]);
}

const TO_HOLDERS: readonly AccessMode[] = ["token-to-start", "open"];
const TO_ALL: readonly AccessMode[] = ["open"];
const KEY = "ab".repeat(33);

/** On a Shamir vault without an attempt: a caller that is let through is refused or has no effect. */
function legacyRows(prefix: string): readonly Row[] {
  const isRecovery = prefix.endsWith("recovery-key");
  const share = { key: KEY, nonce: "x" };
  const idle = isRecovery ? 400 : 200;
  const cancelled = isRecovery ? 400 : 204;
  const rows: readonly Row[] = [
    { method: "GET", path: "init", needs: ["read"], free: TO_HOLDERS, reached: idle },
    { method: "PUT", path: "init", needs: ["update"], free: TO_ALL, body: {}, reached: 400 },
    { method: "POST", path: "init", needs: ["update"], free: TO_ALL, body: {}, reached: 400 },
    { method: "DELETE", path: "init", needs: ["delete"], free: TO_ALL, reached: cancelled },
    {
      method: "PUT",
      path: "update",
      needs: ["update"],
      free: TO_HOLDERS,
      body: share,
      reached: 400,
    },
    {
      method: "POST",
      path: "update",
      needs: ["update"],
      free: TO_HOLDERS,
      body: share,
      reached: 400,
    },
    { method: "GET", path: "verify", needs: ["read"], free: TO_HOLDERS, reached: 400 },
    {
      method: "PUT",
      path: "verify",
      needs: ["update"],
      free: TO_HOLDERS,
      body: share,
      reached: 400,
    },
    {
      method: "POST",
      path: "verify",
      needs: ["update"],
      free: TO_HOLDERS,
      body: share,
      reached: 400,
    },
    { method: "DELETE", path: "verify", needs: ["delete"], free: TO_ALL, reached: 400 },
  ];
  return rows.flatMap((row) => [
    { ...row, path: `${prefix}/${row.path}` },
    { ...row, path: `${prefix}/${row.path}/` },
  ]);
}

const BACKUPS: readonly Row[] = [
  "sys/rekey/backup",
  "sys/rekey/recovery-key-backup",
  "sys/rekey-recovery-key/backup",
  "sys/rotate/root/backup",
  "sys/rotate/recovery/backup",
].flatMap((path): readonly Row[] => [
  { method: "GET", path, needs: ["read"], reached: 400 },
  { method: "DELETE", path, needs: ["delete"], reached: 204 },
  { method: "GET", path: `${path}/${PGP_FINGERPRINT}`, needs: ["read"], reached: 400 },
  { method: "DELETE", path: `${path}/${PGP_FINGERPRINT}`, needs: ["delete"], reached: 204 },
  { method: "DELETE", path: `${path}/none`, needs: ["delete"], reached: 400 },
]);

const LEGACY = [...legacyRows("sys/rekey"), ...legacyRows("sys/rekey-recovery-key")];

function rotateRows(target: "root" | "recovery"): readonly Row[] {
  const share = { key: KEY, nonce: "x" };
  const rows: readonly Row[] = [
    { method: "GET", path: "init", needs: ["read"], reached: target === "root" ? 200 : 400 },
    { method: "PUT", path: "init", needs: ["update"], body: {}, reached: 400 },
    { method: "DELETE", path: "init", needs: ["delete"], reached: 204 },
    { method: "PUT", path: "update", needs: ["update"], body: share, reached: 400 },
    { method: "GET", path: "verify", needs: ["read"], reached: 400 },
    { method: "PUT", path: "verify", needs: ["update"], body: share, reached: 400 },
    { method: "DELETE", path: "verify", needs: ["delete"], reached: 400 },
  ];
  return rows.map((row) => ({ ...row, path: `sys/rotate/${target}/${row.path}` }));
}

const POLICY = { policy: 'path "x" { capabilities = ["read"] }' };

const BY_POLICY: readonly Row[] = [
  { method: "PUT", path: "sys/rotate", needs: ["update"], sudo: true, reached: 204 },
  { method: "POST", path: "sys/rotate/keyring", needs: ["update"], sudo: true, reached: 204 },
  { method: "PUT", path: "sys/rotate/root", needs: ["update"], sudo: true, reached: 204 },
  ...rotateRows("root"),
  ...rotateRows("recovery"),
  { method: "GET", path: "sys/rotate/config", needs: ["read"], reached: 200 },
  { method: "PUT", path: "sys/rotate/config", needs: ["update"], body: {}, reached: 204 },
  { method: "GET", path: "sys/rotate/keyring/config", needs: ["read"], reached: 200 },
  { method: "GET", path: "sys/key-status", needs: ["read"], reached: 200 },
  { method: "GET", path: "sys/sealwrap/rewrap", needs: ["read"], reached: 200 },
  { method: "DELETE", path: "sys/sealwrap/rewrap", needs: ["delete"], reached: 204 },
  { method: "GET", path: "sys/mounts", needs: ["read"], reached: 200 },
  { method: "GET", path: "sys/mounts/kv", needs: ["read"], reached: 200 },
  { method: "POST", path: "sys/mounts/new", needs: ["update"], body: {}, reached: 400 },
  { method: "DELETE", path: "sys/mounts/new", needs: ["delete"], reached: 204 },
  { method: "GET", path: "sys/mounts/kv/tune", needs: ["read"], reached: 200 },
  { method: "POST", path: "sys/mounts/kv/tune", needs: ["update"], body: {}, reached: 204 },
  { method: "GET", path: "sys/policies/acl?list=true", needs: ["list"], reached: 200 },
  { method: "LIST", path: "sys/policies/acl", needs: ["list"], reached: 200 },
  { method: "GET", path: "sys/policies/acl/default", needs: ["read"], reached: 200 },
  { method: "PUT", path: "sys/policies/acl/new", needs: ["update"], body: POLICY, reached: 204 },
  { method: "DELETE", path: "sys/policies/acl/new", needs: ["delete"], reached: 204 },
  { method: "GET", path: "sys/policy", needs: ["read"], reached: 200 },
  { method: "PUT", path: "sys/policy/new", needs: ["update"], body: POLICY, reached: 204 },
  { method: "DELETE", path: "sys/policy/new", needs: ["delete"], reached: 204 },
  {
    method: "POST",
    path: "auth/token/create-orphan",
    needs: ["update"],
    body: { ttl: "zz" },
    reached: 400,
  },
  {
    method: "POST",
    path: "auth/token/create",
    needs: ["update"],
    body: { ttl: "zz" },
    reached: 400,
  },
  { method: "POST", path: "auth/token/lookup", needs: ["update"], body: {}, reached: 200 },
  { method: "POST", path: "auth/token/lookup-accessor", needs: ["update"], body: {}, reached: 400 },
  { method: "POST", path: "auth/token/revoke", needs: ["update"], body: {}, reached: 400 },
  { method: "POST", path: "auth/token/revoke-accessor", needs: ["update"], body: {}, reached: 400 },
  { method: "GET", path: "kv/a", needs: ["read"], reached: 200 },
  { method: "PUT", path: "kv/a", needs: ["update"], body: { x: 1 }, reached: 204 },
  // The path is judged before any token.
  {
    method: "PUT",
    path: "kv/folder/",
    needs: ["create"],
    free: ["open", "token", "token-to-start"],
    body: { x: 1 },
    reached: 400,
  },
  { method: "GET", path: "kv?list=true", needs: ["list"], reached: 200 },
  { method: "DELETE", path: "kv/none", needs: ["delete"], reached: 204 },
  { method: "PUT", path: "kv2/data/a", needs: ["update"], body: {}, reached: 400 },
  { method: "PUT", path: "kv2/data/none", needs: ["create"], body: {}, reached: 400 },
  { method: "GET", path: "sys/nothing", needs: ["read"], reached: 404 },
  { method: "GET", path: "nothing/here", needs: ["read"], reached: 404 },
];

describe("legacy ceremonies", () => {
  for (const mode of ["token", "token-to-start", "open"] as const) {
    it(`rekey_access = ${mode} asks for tokens exactly where it should`, async () => {
      const api = await startMemoryApi({ rekeyAccess: mode });
      const { root } = await initialiseOpen(api, 3, 2);
      await expectRules(api, [...LEGACY, ...BACKUPS], await callers(api, root), mode);
    });

    it(`a sealed vault with rekey_access = ${mode} answers 503 before it looks at the token`, async () => {
      const api = await startMemoryApi({ rekeyAccess: mode });
      const { root } = await initialise(api, 3, 2);
      for (const token of ["", "s.bad", root]) {
        for (const { method, path } of [...LEGACY, ...BACKUPS, ...BY_POLICY]) {
          const body = method === "PUT" || method === "POST" ? { body: {} } : {};
          const sealed = await api.request(method, `/v1/${path}`, { token, ...body });
          expect([path, sealed.status, sealed.json]).toEqual([
            path,
            503,
            { errors: ["Vault is sealed"] },
          ]);
        }
      }
    });
  }

  it("in token-to-start, holders complete a rekey without a token but cannot begin or end it", async () => {
    const api = await startMemoryApi({ rekeyAccess: "token-to-start" });
    const { root: token, shares } = await initialiseOpen(api, 2, 2);
    const body = { secret_shares: 1, secret_threshold: 1, require_verification: true };
    const started = await api.request("PUT", "/v1/sys/rekey/init", { token, body });
    const nonce = textAt(started.json, "nonce");
    const cancelled = await api.request("DELETE", "/v1/sys/rekey/init");
    expect([cancelled.status, cancelled.json]).toEqual([403, PERMISSION_DENIED]);
    let done: unknown = null;
    for (const key of shares) {
      done = (await api.request("PUT", "/v1/sys/rekey/update", { body: { key, nonce } })).json;
    }
    const verification = textAt(done, "verification_nonce");
    const again = await api.request("DELETE", "/v1/sys/rekey/verify");
    expect([again.status, again.json]).toEqual([403, PERMISSION_DENIED]);
    const proof = { key: textAt(done, "keys", 0), nonce: verification };
    const verified = await api.request("PUT", "/v1/sys/rekey/verify", { body: proof });
    expect(verified.json).toEqual({ nonce: verification, complete: true });
  });

  it("in mode open, cancelling a rekey needs no nonce and ignores the body", async () => {
    const api = await startMemoryApi({ rekeyAccess: "open" });
    await initialiseOpen(api, 1, 1);
    const body = { secret_shares: 1, secret_threshold: 1 };
    const bodies = ["", "{", "[]", "5", "a=1"].map((rawBody) => ({ rawBody }));
    for (const cancel of [{}, { body: {} }, { body: { nonce: "another" } }, ...bodies]) {
      await api.request("PUT", "/v1/sys/rekey/init", { body });
      expect((await api.request("DELETE", "/v1/sys/rekey/init", cancel)).status).toBe(204);
      const status = await api.request("GET", "/v1/sys/rekey/init");
      expect(status.json).toMatchObject({ started: false });
    }
  });

  it("a policy for a rekey path covers it with a trailing slash, and no other path", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const policy = 'path "sys/rekey/init" { capabilities = ["read", "update"] }';
    const token = await tokenWith(api, root, policy);
    for (const path of ["/v1/sys/rekey/init", "/v1/sys/rekey/init/"]) {
      expect((await api.request("GET", path, { token })).status).toBe(200);
      expect((await api.request("DELETE", path, { token })).status).toBe(403);
    }
    for (const path of ["sys/rekey/update", "sys/rekey-recovery-key/init"]) {
      const denied = await api.request("PUT", `/v1/${path}`, { token, body: { key: KEY } });
      expect([denied.status, denied.json]).toEqual([403, POLICY_DENIED]);
    }
  });
});

describe("policy parameters", () => {
  const BODY = { secret_shares: 3, secret_threshold: 2 };

  it("policy parameters apply to the body of a legacy ceremony in any letter case", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith(`path "sys/rekey/init" {
      capabilities = ["read", "update"]
      denied_parameters = { "secret_shares" = ["1"], "backup" = [] }
      required_parameters = ["secret_threshold"]
    }`);
    const weak = { secret_shares: 1, secret_threshold: 1 };
    const upper = { Secret_Shares: 1, secret_threshold: 1 };
    for (const body of [weak, upper, { ...BODY, backup: true }, { secret_shares: 3 }]) {
      const denied = await ask("PUT", "sys/rekey/init", body, token);
      expect([denied.status, denied.json], JSON.stringify(body)).toEqual([403, POLICY_DENIED]);
    }
    expect((await ask("PUT", "sys/rekey/init", BODY, token)).status).toBe(200);
  });

  it("policy parameters apply to queries of legacy ceremonies and to generate-root", async () => {
    const { ask, tokenWith } = await openRootClient();
    const rules = 'capabilities = ["read", "update"]\n allowed_parameters = { "otp" = [] }';
    const token = await tokenWith(
      `path "sys/rekey/init" { ${rules} }\npath "sys/generate-root/attempt" { ${rules} }`,
    );
    expect((await ask("GET", "sys/rekey/init", null, token)).status).toBe(200);
    expect((await ask("GET", "sys/rekey/init?detail=1", null, token)).status).toBe(403);
    const attempt = "sys/generate-root/attempt";
    expect((await ask("PUT", attempt, { pgp_key: "x" }, token)).status).toBe(403);
    expect((await ask("PUT", attempt, {}, token)).status).toBe(200);
  });

  it("policy parameters leave a malformed body to the endpoint", async () => {
    const { api, root, tokenWith } = await openRootClient();
    const token = await tokenWith(`path "sys/rekey/init" {
      capabilities = ["update"]
      denied_parameters = { "backup" = [] }
    }`);
    for (const rawBody of ["{", "[]", "5", "a=1"]) {
      const [asked, asRoot] = [token, root].map(async (each) =>
        await api.request("PUT", "/v1/sys/rekey/init", { token: each, rawBody })
      );
      const { status, text } = await asked!;
      expect([status, text]).toEqual([400, (await asRoot!).text]);
    }
  });
});

describe("capabilities", () => {
  it("every endpoint needs its capability, and sudo where documented", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 3, 2);
    await mountEngines(api, root);
    const everybody = await callers(api, root);
    await expectRules(api, BY_POLICY, everybody, "token");
  });

  it("a trailing slash on a rotate path does not change which rule applies", async () => {
    const { ask, tokenWith } = await openRootClient();
    const paths = ["sys/rotate/config", "sys/rotate/root/init"];
    const token = await tokenWith([
      'path "sys/rotate/*" { capabilities = ["create", "read", "update", "delete", "sudo"] }',
      ...paths.map((path) => `path "${path}" { capabilities = ["deny"] }`),
    ].join("\n"));
    const granted = await tokenWith(
      'path "sys/rotate/config" { capabilities = ["read", "update", "sudo"] }',
    );
    for (const path of paths.flatMap((each) => [each, `${each}/`])) {
      for (const method of ["GET", "POST"]) {
        const denied = await ask(method, path, method === "GET" ? null : {}, token);
        expect([denied.status, denied.json], `${method} ${path}`).toEqual([403, POLICY_DENIED]);
      }
    }
    expect((await ask("GET", "sys/rotate/config/", null, granted)).status).toBe(200);
    expect((await ask("LIST", "sys/rotate/config", null, granted)).status).toBe(403);
  });

  it("rekey_access = open does not change the capabilities of other endpoints", async () => {
    const api = await startMemoryApi({ rekeyAccess: "open" });
    const { root } = await initialiseOpen(api, 3, 2);
    await mountEngines(api, root);
    const everybody = await callers(api, root);
    await expectRules(api, BY_POLICY, everybody, "open");
  });

  it("starting a rewrap needs update or create", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const rows: readonly Row[] = [
      { method: "POST", path: "sys/sealwrap/rewrap", needs: ["update", "create"], reached: 200 },
    ];
    await api.request("POST", "/v1/sys/sealwrap/rewrap", { token: root });
    await expectRules(api, rows, await callers(api, root), "token");
  });

  it("sealing needs sudo and update, and nothing once the vault is sealed", async () => {
    const api = await startMemoryApi();
    const { root, shares } = await initialiseOpen(api, 1, 1);
    for (const caller of await callers(api, root)) {
      const request = caller.token === undefined ? {} : { token: caller.token };
      const response = await api.request("PUT", "/v1/sys/seal", request);
      const may = caller.sudo && caller.capabilities.includes("update");
      expect([caller.name, response.status]).toEqual([caller.name, may ? 204 : 403]);
      if (!may) {
        expect(response.json).toEqual(caller.valid ? POLICY_DENIED : PERMISSION_DENIED);
        continue;
      }
      expect((await api.request("PUT", "/v1/sys/seal")).status).toBe(204);
      expect((await api.request("PUT", "/v1/sys/seal", { token: "s.bad" })).status).toBe(204);
      await unseal(api, shares);
    }
  });

  it("the default policy lets a token look up, renew and revoke itself", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const body = { policies: ["default"] };
    const made = await api.request("POST", "/v1/auth/token/create", { token: root, body });
    const token = textAt(made.json, "auth", "client_token");
    const own = [
      ["GET", "auth/token/lookup-self", 200],
      ["POST", "auth/token/renew-self", 200],
      ["POST", "sys/capabilities-self", 200],
      ["PUT", "cubbyhole/mine", 204],
      ["GET", "cubbyhole/mine", 200],
      ["POST", "auth/token/revoke-self", 204],
      ["GET", "auth/token/lookup-self", 403],
    ] as const;
    for (const [method, path, status] of own) {
      const sent = method === "GET" ? {} : { body: { path: "x" } };
      const response = await api.request(method, `/v1/${path}`, { token, ...sent });
      expect([path, response.status]).toEqual([path, status]);
    }
  });

  it("a child token cannot have more policies than its parent", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const policy = 'path "auth/token/create" { capabilities = ["update"] }';
    const token = await tokenWith(api, root, policy);
    const create = (body: unknown) => api.request("POST", "/v1/auth/token/create", { token, body });
    for (const policies of [["root"], ["another"], ["ROOT"]]) {
      const refused = await create({ policies });
      expect([refused.status, refused.json]).toEqual([
        400,
        { errors: ["child policies must be subset of parent"] },
      ]);
    }
    const orphan = await create({ no_parent: true });
    expect(orphan.json).toEqual({
      errors: ["root or sudo privileges required to create orphan token"],
    });
    expect((await create({})).status).toBe(200);
  });

  it("a token is refused without uses left, after expiry, and after its parent is revoked", async () => {
    const api = await startMemoryApi();
    const { root } = await initialiseOpen(api, 1, 1);
    const create = async (token: string, body: unknown) => {
      const made = await api.request("POST", "/v1/auth/token/create", { token, body });
      return textAt(made.json, "auth", "client_token");
    };
    const use = async (token: string) =>
      (await api.request("GET", "/v1/auth/token/lookup-self", { token })).status;
    const limited = await create(root, { num_uses: 2 });
    expect([await use(limited), await use(limited), await use(limited)]).toEqual([200, 200, 403]);
    const short = await create(root, { ttl: "10s" });
    expect(await use(short)).toBe(200);
    api.clock.nowMs += 10_000;
    expect(await use(short)).toBe(403);
    const parent = await tokenWith(
      api,
      root,
      'path "auth/token/*" { capabilities = ["update", "read"] }',
    );
    const child = await create(parent, {});
    expect(await use(child)).toBe(200);
    await api.request("POST", "/v1/auth/token/revoke-self", { token: parent });
    expect([await use(parent), await use(child)]).toEqual([403, 403]);
  });
});

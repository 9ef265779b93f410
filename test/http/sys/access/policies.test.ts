/** Policies over HTTP: check-and-set, expiration, built-in policies, lists, and password policies. */

import { beforeEach, describe, expect, it } from "vitest";
import { PolicyStore } from "../../../../src/access/policies/policies.ts";
import type { Barrier } from "../../../../src/barrier/barrier.ts";
import { encodeUtf8 } from "../../../../src/crypto/bytes.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

const READ_X = 'path "kv/x" { capabilities = ["read"] }';

let client: RootClient;

beforeEach(async () => {
  client = await openRootClient();
  await client.done("POST", "sys/mounts/kv", { type: "kv" });
  await client.done("PUT", "kv/x", { a: 1 });
});

const ask: RootClient["ask"] = (...request) => client.ask(...request);

async function answer(method: string, path: string, body?: object): Promise<unknown> {
  const { status, json } = await ask(method, path, body);
  const errors: unknown = Reflect.get(Object(json), "errors");
  return errors === undefined ? status : [status, ...errors as unknown[]];
}

async function dataAt(path: string): Promise<Record<string, unknown>> {
  const { status, json } = await ask("GET", path);
  expect(status).toBe(200);
  return Reflect.get(Object(json), "data") as Record<string, unknown>;
}

async function listAt(path: string): Promise<unknown> {
  const { status, json } = await ask("LIST", path);
  return status === 200 ? Reflect.get(Object(Reflect.get(Object(json), "data")), "keys") : status;
}

describe("policy check-and-set", () => {
  const PATH = "sys/policies/acl/p";
  const MISMATCH = [400, "check-and-set parameter did not match the current version"];
  const REQUIRED = [400, "check-and-set parameter required for this call"];
  const put = (more: object = {}) => answer("PUT", PATH, { policy: READ_X, ...more });

  it("cas 0 or -1 creates a policy, and another cas replaces exactly that version", async () => {
    expect(await put({ cas: 5 })).toEqual(MISMATCH);
    expect(await put({ cas: -1 })).toBe(204);
    expect(await put({ cas: -1 })).toEqual([
      400,
      "check-and-set parameter set to -1 on existing entry",
    ]);
    expect(await put({ cas: 0 })).toEqual(MISMATCH);
    expect(await put({ cas: "1" })).toBe(204);
    expect(await put({ cas: 1 })).toEqual(MISMATCH);
    expect((await dataAt(PATH))["version"]).toBe(2);
  });

  it("cas_required takes effect in the request that sets it, until a request with cas clears it", async () => {
    expect(await put({ cas_required: true })).toEqual(REQUIRED);
    expect(await put({ cas_required: true, cas: 0 })).toBe(204);
    expect((await dataAt(PATH))["cas_required"]).toBe(true);
    expect(await put()).toEqual(REQUIRED);
    expect(await put({ cas_required: false, cas: 1 })).toBe(204);
    expect(await put()).toBe(204);
  });

  it.each<[object, string]>([
    [{ cas: "x" }, "cas"],
    [{ cas_required: "zz" }, "cas_required"],
    [{ ttl: "zz" }, "ttl"],
    [{ ttl: "-1h" }, "ttl"],
    [{ expiration: "zz" }, "expiration"],
    [{ expiration: "" }, "expiration"],
    [{ expiration: true }, "expiration"],
    [{ expiration: [] }, "expiration"],
  ])("writing a policy refuses the field %j", async (fields, name) => {
    expect(await put(fields)).toEqual([
      400,
      expect.stringContaining(
        `Field validation failed: error converting input for field "${name}": `,
      ),
    ]);
    expect((await ask("GET", PATH)).status).toBe(404);
  });

  it("the legacy policy path supports check-and-set too", async () => {
    await client.done("PUT", "sys/policy/p", { policy: READ_X, cas: 0 });
    expect(await answer("PUT", "sys/policy/p", { policy: READ_X, cas: 0 })).toEqual(MISMATCH);
  });
});

describe("policy PATCH", () => {
  const PATH = "sys/policies/acl/p";
  const patch = (body: object, path = PATH) =>
    client.api.request("PATCH", `/v1/${path}`, {
      body,
      token: client.root,
      headers: { "Content-Type": "application/merge-patch+json" },
    });

  it("a PATCH changes only the named fields, and needs an existing policy", async () => {
    expect((await patch({ policy: READ_X })).json).toEqual({ errors: ["policy not found"] });
    await client.done("PUT", PATH, { policy: READ_X, allow_slashes_in_identity_templates: true });
    const { status, json } = await patch({ cas_required: true, ttl: "1h" });
    expect([status, Reflect.get(Object(json), "data")]).toEqual([200, null]);
    expect(await dataAt(PATH)).toMatchObject({
      allow_slashes_in_identity_templates: true,
      cas_required: true,
      expiration: "2026-01-02T04:04:05Z",
      policy: READ_X,
      version: 2,
    });
    expect((await patch({})).status).toBe(200);
    expect((await patch({ cas: 3, ttl: null, expiration: null })).status).toBe(200);
    expect(await dataAt(PATH)).toMatchObject({ expiration: "2026-01-02T04:04:05Z", version: 4 });
  });

  it.each<[object, string]>([
    [{ cas: 7 }, "check-and-set parameter did not match the current version"],
    [{ cas: -1 }, "check-and-set parameter set to -1 on existing entry"],
    [{ policy: "" }, "'policy' parameter not supplied or empty"],
    [{ ttl: 0 }, "refusing to update policy as expiration time has already elapsed"],
  ])("a PATCH of a policy refuses %j", async (body, text) => {
    await client.done("PUT", PATH, { policy: READ_X });
    const { status, json } = await patch(body);
    expect([status, json]).toEqual([400, { errors: [text] }]);
    expect((await dataAt(PATH))["version"]).toBe(1);
  });

  it("a PATCH is refused for built-in policies and on the legacy path", async () => {
    expect((await patch({}, "sys/policies/acl/response-wrapping")).json)
      .toEqual({ errors: ['cannot update "response-wrapping" policy'] });
    expect((await patch({}, "sys/policy/default")).status).toBe(405);
  });
});

describe("policy expiration", () => {
  const seen = async (token: string) => (await ask("GET", "kv/x", null, token)).status;
  const tokenOf = async (policy: string) => {
    const made = await ask("POST", "auth/token/create", { policies: [policy] });
    return String(Reflect.get(Object(Reflect.get(Object(made.json), "auth")), "client_token"));
  };

  it("a policy grants up to its last millisecond and is gone after it", async () => {
    await client.done("PUT", "sys/policies/acl/p", { policy: READ_X, ttl: "10s" });
    const token = await tokenOf("p");
    expect((await dataAt("sys/policies/acl/p"))["expiration"]).toBe("2026-01-02T03:04:15Z");
    client.api.clock.nowMs += 10_000;
    expect(await seen(token)).toBe(200);
    client.api.clock.nowMs += 1;
    expect(await seen(token)).toBe(403);
    expect(await listAt("sys/policies/acl")).not.toContain("p");
    expect((await ask("GET", "sys/policies/acl/p")).status).toBe(404);
    expect(await answer("PUT", "sys/policies/acl/p", { policy: READ_X, cas: -1 })).toBe(204);
    expect(await seen(token)).toBe(200);
  });

  it("a policy's expiration may have another time zone or be in seconds", async () => {
    for (
      const [sent, shown] of [
        ["2030-01-01T00:00:00+02:00", "2029-12-31T22:00:00Z"],
        ["1900000000", "2030-03-17T17:46:40Z"],
        [1_900_000_000, "2030-03-17T17:46:40Z"],
        ["0001-01-01T00:00:00Z", undefined],
      ]
    ) {
      await client.done("PUT", "sys/policies/acl/p", { policy: READ_X, expiration: sent });
      expect((await dataAt("sys/policies/acl/p"))["expiration"]).toBe(shown);
    }
  });

  it.each<[object, string]>([
    [
      { ttl: "1h", expiration: "2030-01-01T00:00:00Z" },
      "cannot supply both 'expiration' and 'ttl' for policies",
    ],
    [{ ttl: 0 }, "refusing to update policy as expiration time has already elapsed"],
    [{ expiration: 0 }, "refusing to update policy as expiration time has already elapsed"],
    [
      { expiration: "2026-01-02T03:04:05Z" },
      "refusing to update policy as expiration time has already elapsed",
    ],
  ])("a policy with the expiration %j is refused", async (fields, text) => {
    expect(await answer("PUT", "sys/policies/acl/p", { policy: READ_X, ...fields }))
      .toEqual([400, text]);
  });

  it("single rules of a policy can expire, both grants and denials", async () => {
    const rule = (words: string, path: string, at: string) =>
      `path "${path}" { capabilities = ["${words}"] expiration = "${at}" }`;
    const granted = await client.tokenWith(rule("read", "kv/x", "2026-01-02T03:04:15Z"));
    const denied = await client.tokenWith(
      `path "kv/*" { capabilities = ["read"] } ${rule("deny", "kv/x", "2026-01-02T03:04:20Z")}`,
    );
    const past = await client.tokenWith(rule("read", "kv/x", "1000"));
    const all = async () => [await seen(granted), await seen(denied), await seen(past)];
    expect(await all()).toEqual([200, 403, 403]);
    client.api.clock.nowMs += 10_001;
    expect(await all()).toEqual([403, 403, 403]);
    client.api.clock.nowMs += 5_000;
    expect(await all()).toEqual([403, 200, 403]);
  });
});

describe("pagination limits", () => {
  it("a pagination limit shortens a list without limit and refuses a larger limit", async () => {
    await client.done("POST", "sys/mounts/kv2", { type: "kv", options: { version: "2" } });
    for (const name of ["a", "b", "c"]) await ask("PUT", `kv2/data/${name}`, { data: {} });
    const token = await client.tokenWith(
      'path "kv2/metadata/*" { capabilities = ["list"] pagination_limit = 2 }',
    );
    const keys = async (query: string) => {
      const { status, json } = await ask("LIST", `kv2/metadata/${query}`, null, token);
      return status === 200
        ? Reflect.get(Object(Reflect.get(Object(json), "data")), "keys")
        : status;
    };
    expect(await keys("")).toEqual(["a", "b"]);
    expect(await keys("?after=b")).toEqual(["c"]);
    expect(await keys("?limit=1")).toEqual(["a"]);
    expect(await keys("?limit=max")).toEqual(["a", "b"]);
    expect(await keys("?limit=3")).toBe(403);
    expect(await keys("?limit=-1")).toBe(403);
  });
});

describe("built-in policies", () => {
  it("the response-wrapping policy can be read but is not listed", async () => {
    expect(await dataAt("sys/policies/acl/response-wrapping")).toMatchObject({
      name: "response-wrapping",
      policy: expect.stringContaining('path "cubbyhole/response"'),
      version: 1,
    });
    expect(await listAt("sys/policies/acl")).toEqual(["default", "root"]);
  });

  it.each(["root", "response-wrapping"])("policy %s cannot be changed or deleted", async (name) => {
    for (const prefix of ["sys/policies/acl", "sys/policy"]) {
      expect(await answer("PUT", `${prefix}/${name}`, { policy: READ_X }))
        .toEqual([400, `cannot update "${name}" policy`]);
      expect(await answer("DELETE", `${prefix}/${name}`))
        .toEqual([400, `cannot delete "${name}" policy`]);
    }
    expect(await answer("PUT", `sys/policies/acl/${name}`, { policy: "zz" }))
      .toEqual([400, expect.stringContaining("failed to parse policy: ")]);
  });
});

describe("policy lists", () => {
  beforeEach(async () => {
    for (const name of ["up/case", "a/b/c", "a/b", "a1", "web"]) {
      await client.done("PUT", `sys/policies/acl/${name}`, { policy: READ_X });
    }
  });

  it("a list of policies has a folder's names before its subfolders, the last subfolder first", async () => {
    const all = ["a1", "default", "web", "up/case", "a/b", "a/b/c", "root"];
    expect(await listAt("sys/policies/acl")).toEqual(all);
    expect(await dataAt("sys/policy/")).toMatchObject({ keys: all, policies: all });
  });

  it("policies can be listed below a prefix, without root", async () => {
    expect(await listAt("sys/policies/acl/a")).toEqual(["a/b", "a/b/c"]);
    expect(await listAt("sys/policies/acl/a/b/")).toEqual(["a/b/c"]);
    expect(await listAt("sys/policies/acl/a1")).toBe(404);
    const { status, json } = await ask("LIST", "sys/policy/none");
    expect([status, json]).toMatchObject([200, { data: { policies: null }, policies: null }]);
  });

  it("a detailed list has the text of each policy", async () => {
    const { json } = await ask("LIST", "sys/policies/detailed/acl/a");
    expect(json).toMatchObject({
      data: {
        keys: ["a/b", "a/b/c", "root"],
        key_info: { "a/b": { name: "a/b", policy: READ_X, version: 1 }, root: { version: 0 } },
      },
    });
    expect(await answer("GET", "sys/policies/detailed/acl/a1"))
      .toEqual([405, "1 error occurred:\n\t* unsupported operation\n\n"]);
  });

  it("a policy name with a trailing slash reads and deletes nothing", async () => {
    expect((await ask("GET", "sys/policies/acl/web/")).status).toBe(404);
    expect((await ask("DELETE", "sys/policies/acl/web/")).status).toBe(204);
    expect((await ask("GET", "sys/policies/acl/web")).status).toBe(200);
  });
});

describe("policy writes", () => {
  it("writing a policy warns about the deprecated field and a converted name", async () => {
    const warnings = async (path: string, body: object) =>
      Reflect.get(Object((await ask("PUT", path, body)).json), "warnings");
    expect(await warnings("sys/policy/Old", { rules: READ_X })).toEqual([
      "policy name was converted to old",
      "'rules' is deprecated, please use 'policy' instead",
    ]);
    expect(await answer("PUT", "sys/policy/old", { policy: READ_X, rules: "zz" })).toBe(204);
    expect(await answer("PUT", "sys/policy/old", { rules: "" }))
      .toEqual([400, "'policy' parameter not supplied or empty"]);
  });

  it("writing a policy warns about attributes set twice, at both paths and with PATCH", async () => {
    const policy = 'path "kv/x" { capabilities = ["deny"] capabilities = ["read"] }';
    const warning = 'path "kv/x": "capabilities" is set more than once: the one at 1:39 counts';
    const warningsOf = async (
      answer: Promise<{ readonly status: number; readonly json: unknown }>,
    ) => {
      const { status, json } = await answer;
      return [status, Reflect.get(Object(json), "warnings")];
    };
    expect(await warningsOf(ask("PUT", "sys/policies/acl/twice", { policy })))
      .toEqual([200, [warning]]);
    expect(await warningsOf(ask("PUT", "sys/policy/twice", { policy }))).toEqual([200, [warning]]);
    const patch = client.api.request("PATCH", "/v1/sys/policies/acl/twice", {
      body: { policy },
      token: client.root,
      headers: { "Content-Type": "application/merge-patch+json" },
    });
    expect(await warningsOf(patch)).toEqual([200, [warning]]);
    const made = await ask("POST", "auth/token/create", { policies: ["twice"] });
    const token = String(
      Reflect.get(Object(Reflect.get(Object(made.json), "auth")), "client_token"),
    );
    await client.api.restart();
    await ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    expect((await ask("GET", "kv/x", null, token)).status).toBe(200);
  });

  it("a policy of line ends alone is read as empty base64, one of spaces is kept", async () => {
    await client.done("PUT", "sys/policies/acl/empty", { policy: "\n" });
    expect((await dataAt("sys/policies/acl/empty"))["policy"]).toBe("");
    await client.done("PUT", "sys/policies/acl/empty", { policy: "   " });
    expect((await dataAt("sys/policies/acl/empty"))["policy"]).toBe("   ");
  });
});

describe("PolicyStore", () => {
  const stored = (record: object) => encodeUtf8(JSON.stringify(record));
  const OLD = { name: "old", text: READ_X, version: 3, modifiedAtMs: 5 };

  /** The parts of a barrier that a policy store uses. */
  function barrierOf(get: () => Promise<Uint8Array | null>): Barrier {
    return {
      deriveMacKey: () => new Uint8Array(32),
      commit: async () => ({ kind: "committed" }),
      get: async () => {
        const value = await get();
        return value === null ? null : { value, revision: 1 };
      },
    } as unknown as Barrier;
  }

  const NO_ENTITIES = { byId: async () => null };

  it("PolicyStore reads a policy stored before check-and-set and expiration existed", async () => {
    const store = new PolicyStore(barrierOf(async () => stored(OLD)), () => 0, NO_ENTITIES);
    expect(await store.read("old")).toEqual({
      ...OLD,
      casRequired: false,
      expiresAtMs: null,
      allowsSlashesInTemplates: false,
      allowsWildcardsInTemplates: false,
    });
  });

  it("PolicyStore does not cache rules of a policy that changed while it was read", async () => {
    let readings = 0;
    let value = stored({ ...OLD, text: READ_X });
    const store: PolicyStore = new PolicyStore(
      barrierOf(async () => {
        const before = value;
        readings += 1;
        if (readings === 1) {
          value = stored({ ...OLD, text: "" });
          await store.remove("other");
        }
        return before;
      }),
      () => 0,
      NO_ENTITIES,
    );
    expect((await store.acl(["old"])).capabilities("kv/x")).toEqual(["read"]);
    expect((await store.acl(["old"])).capabilities("kv/x")).toEqual(["deny"]);
  });
});

describe("password policies", () => {
  const PATH = "sys/policies/password/Team/a";
  const POLICY = 'length = 8\nrule "charset" { charset = "abc" }';
  const one = (text: string) => `1 error occurred:\n\t* ${text}\n\n`;

  it("password policies are written, listed, read, used and deleted", async () => {
    expect(await listAt("sys/policies/password")).toBe(404);
    await client.done("PUT", PATH, { policy: POLICY });
    await client.done("PUT", "sys/policies/password/b", { policy: btoa(POLICY) });
    expect(await listAt("sys/policies/password")).toEqual(["b", "Team/a"]);
    expect(await dataAt(PATH)).toEqual({ policy: POLICY });
    expect(await dataAt("sys/policies/password/b")).toEqual({ policy: POLICY });
    expect(await dataAt(`${PATH}/generate`))
      .toEqual({ password: expect.stringMatching(/^[abc]{8}$/) });
    await client.done("DELETE", PATH);
    expect(await answer("GET", PATH)).toEqual([404, one("policy does not exist")]);
    expect(await answer("GET", `${PATH}/generate`)).toEqual([404, one("policy does not exist")]);
    await client.done("DELETE", PATH);
  });

  it("a bad password policy is refused in the form of a multi-error", async () => {
    expect(await answer("PUT", PATH, {})).toEqual([400, one("missing policy")]);
    expect(await answer("PUT", PATH, { policy: `${POLICY}\nlength = 3` }))
      .toEqual([400, one("passwords must be between 4 and 100 characters")]);
    expect(await listAt("sys/policies/password")).toBe(404);
  });
});

describe("entities in policies", () => {
  it("the default policy lets a login read its entity, which also fills templates", async () => {
    await client.done("POST", "sys/auth/up", { type: "userpass" });
    await client.done("PUT", "sys/policies/acl/own", {
      policy: 'path "kv/{{identity.entity.id}}" { capabilities = ["read"] }',
    });
    await ask("PUT", "auth/up/users/ann", { password: "p", token_policies: ["own"] });
    const login = await ask("PUT", "auth/up/login/ann", { password: "p" });
    const auth = Object(Reflect.get(Object(login.json), "auth"));
    const token = String(Reflect.get(auth, "client_token"));
    const id = String(Reflect.get(auth, "entity_id"));
    expect(id).toHaveLength(36);
    const { json } = await ask("POST", "sys/capabilities", {
      token,
      paths: [`identity/entity/id/${id}`, "identity/entity/id/other", `kv/${id}`, "kv/other"],
    });
    expect(json).toMatchObject({
      [`identity/entity/id/${id}`]: ["read"],
      "identity/entity/id/other": ["deny"],
      [`kv/${id}`]: ["read"],
      "kv/other": ["deny"],
    });
  });
});

/** Auth methods as mounts: the table, tuning, disabling, and what the UI and policies see of them. */

import { describe, expect, it } from "vitest";
import { ON_DEMAND_PATHS } from "../../../../src/http/on_demand.ts";
import { ENDPOINTS, RAW_ENDPOINTS } from "../../../../src/http/endpoints.ts";
import {
  at,
  PERMISSION_DENIED,
  POLICY_DENIED,
  textAt,
  textsAt,
  UNSUPPORTED_PATH,
} from "../../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

async function withLogins(config: object = {}): Promise<RootClient> {
  const client = await openRootClient();
  const body = { type: "userpass", description: "people", config };
  await client.done("POST", "sys/auth/people", body);
  const user = { password: "x", token_policies: "readers" };
  await client.done("POST", "auth/people/users/ann", user);
  return client;
}

async function loginToken({ ask }: RootClient, mount = "people"): Promise<string> {
  const answer = await ask("POST", `auth/${mount}/login/ann`, { password: "x" }, null);
  return textAt(answer.json, "auth", "client_token");
}

async function isValid({ ask }: RootClient, token: string): Promise<boolean> {
  return (await ask("GET", "auth/token/lookup-self", null, token)).status === 200;
}

describe("the table of auth methods", () => {
  it("sys/auth always has the token store, beside and in its envelope", async () => {
    const { ask } = await openRootClient();
    const { json } = await ask("GET", "sys/auth");
    expect(Object.keys(Object(at(json, "data")))).toEqual(["token/"]);
    expect(at(json, "token/")).toEqual(at(json, "data", "token/"));
    expect(at(json, "data", "token/")).toMatchObject({
      type: "token",
      description: "token based credentials",
      config: { default_lease_ttl: 0, max_lease_ttl: 0, token_type: "default-service" },
    });
  });

  it("sys/auth shows a new auth method, also after a restart", async () => {
    const { ask, api, shares } = await withLogins({ default_lease_ttl: "1h" });
    const before = await ask("GET", "sys/auth");
    expect(at(before.json, "data", "people/")).toMatchObject({
      type: "userpass",
      description: "people",
      accessor: expect.stringMatching(/^auth_userpass_[0-9a-f]{8}$/),
      config: { default_lease_ttl: 3600 },
      options: {},
      local: false,
      seal_wrap: false,
    });
    await api.restart();
    await ask("PUT", "sys/unseal", { key: shares[0] }, null);
    expect(at((await ask("GET", "sys/auth")).json, "data")).toEqual(at(before.json, "data"));
    const one = await ask("GET", "sys/auth/people");
    expect(at(one.json, "data")).toEqual(at(before.json, "data", "people/"));
  });

  it("sys/auth refuses taken paths, unknown types and bad settings", async () => {
    const { ask } = await withLogins();
    const refused: readonly (readonly [string, object, string])[] = [
      ["people", { type: "userpass" }, "path is already in use at people/"],
      ["people/sub", { type: "approle" }, "path is already in use at people/"],
      ["token", { type: "userpass" }, "path is already in use at token/"],
      ["x", {}, "backend type must be specified as a string"],
      ["x", { type: "ldap" }, "plugin not found in the catalog: ldap"],
      ["x", { type: "token" }, "token credential backend cannot be instantiated"],
      ["people", { type: "ldap" }, "path is already in use at people/"],
      ["x", { type: "plugin" }, "plugin_name must be provided for plugin backend"],
      [
        "x",
        { type: "userpass", config: { plugin_version: "v1" } },
        "plugin not found in the catalog: userpass, version=v1.0.0",
      ],
      [
        "x",
        { type: "userpass", options: { version: "2" } },
        'auth method "userpass" does not allow setting a version',
      ],
      [
        "x",
        { type: "userpass", config: { force_no_cache: "true" } },
        "unable to convert given auth config information",
      ],
      ["x", { type: "userpass", config: { token_type: "odd" } }, "invalid value for 'token_type'"],
      [
        "x",
        { type: "userpass", config: { default_lease_ttl: "2h", max_lease_ttl: "1h" } },
        "given default lease TTL greater than given max lease TTL",
      ],
    ];
    for (const [path, body, text] of refused) {
      const answer = await ask("POST", `sys/auth/${path}`, body);
      expect([answer.status, answer.json], path).toEqual([400, { errors: [text] }]);
    }
    const absent = await ask("GET", "sys/auth/none");
    expect([absent.status, absent.json]).toEqual([400, {
      errors: ["No auth engine at none/"],
    }]);
  });

  it("sys/auth needs sudo to be changed and a token to be read", async () => {
    const { ask, tokenWith } = await withLogins();
    const some = await tokenWith('path "sys/auth/*" { capabilities = ["read", "update"] }');
    const sudo = await tokenWith('path "sys/auth/*" { capabilities = ["update", "sudo"] }');
    const body = { type: "approle" };
    const refused = await ask("POST", "sys/auth/machines", body, some);
    expect([refused.status, refused.json]).toEqual([403, POLICY_DENIED]);
    expect((await ask("POST", "sys/auth/machines", body, sudo)).status).toBe(204);
    const anonymous = await ask("GET", "sys/auth", null, null);
    expect([anonymous.status, anonymous.json]).toEqual([403, PERMISSION_DENIED]);
  });
});

describe("tuning auth methods", () => {
  it("tuning an auth method changes the TTL of its login tokens", async () => {
    const client = await withLogins();
    await client.done("POST", "sys/auth/people/tune", {
      default_lease_ttl: "10m",
      max_lease_ttl: "20m",
      description: "all people",
    });
    const tuned = await client.ask("GET", "sys/auth/people/tune");
    expect(at(tuned.json, "data")).toMatchObject({
      default_lease_ttl: 600,
      max_lease_ttl: 1200,
      description: "all people",
      token_type: "default-service",
    });
    const answer = await client.ask("POST", "auth/people/login/ann", { password: "x" }, null);
    expect(at(answer.json, "auth", "lease_duration")).toBe(600);
    const token = textAt(answer.json, "auth", "client_token");
    const renewed = await client.ask("POST", "auth/token/renew-self", { increment: "2h" }, token);
    expect(at(renewed.json, "auth", "lease_duration")).toBe(1200);
  });

  it("tuning an auth method sets the user lockout field by field", async () => {
    const client = await withLogins();
    const lockout = async (user_lockout_config: object) =>
      await client.ask("POST", "sys/auth/people/tune", { user_lockout_config });
    const shown = async () => at((await client.ask("GET", "sys/auth/people/tune")).json, "data");
    expect(await shown()).not.toHaveProperty("user_lockout_threshold");
    await lockout({ lockout_threshold: 7, lockout_duration: "10m" });
    await lockout({ lockout_counter_reset_duration: 300, lockout_disable: true, other: "x" });
    const expected = {
      user_lockout_counter_reset_duration: 300,
      user_lockout_disable: true,
      user_lockout_duration: 600,
      user_lockout_threshold: 7,
    };
    expect(await shown()).toMatchObject(expected);
    const entry = await client.ask("GET", "sys/auth/people");
    expect(at(entry.json, "data", "config", "user_lockout_config")).toEqual(expected);
    const refused: readonly (readonly [object, string])[] = [
      [
        { lockout_threshold: "-1" },
        'unable to parse user lockout threshold: strconv.ParseUint: parsing "-1": invalid syntax',
      ],
      [{ lockout_duration: "x" }, 'time: invalid duration "x"'],
      [{ lockout_disable: "true" }, "unable to convert given user lockout config information"],
    ];
    for (const [sent, text] of refused) {
      expect((await lockout(sent)).json).toEqual({ errors: [text] });
    }
    expect(await shown()).toMatchObject(expected);
  });

  it("tuning with an empty token_type restores the default", async () => {
    const client = await withLogins({ token_type: "batch" });
    await client.done("POST", "sys/auth/people/tune", { token_type: "" });
    const tuned = await client.ask("GET", "sys/auth/people/tune");
    expect(at(tuned.json, "data", "token_type")).toBe("default-service");
  });

  it("an untuned default TTL is shown as the system's, even above the method's maximum", async () => {
    const client = await withLogins({ max_lease_ttl: "1h", force_no_cache: true });
    const tuned = await client.ask("GET", "sys/auth/people/tune");
    expect(at(tuned.json, "data")).toMatchObject({
      default_lease_ttl: 768 * 3600,
      force_no_cache: false,
      max_lease_ttl: 3600,
    });
  });

  it("tuning the token store changes the TTL of new tokens", async () => {
    const client = await openRootClient();
    await client.done("POST", "sys/auth/token/tune", {
      default_lease_ttl: "5m",
      max_lease_ttl: "1h",
    });
    const made = await client.ask("POST", "auth/token/create", { policies: ["a"] });
    expect(at(made.json, "auth", "lease_duration")).toBe(300);
    const long = await client.ask("POST", "auth/token/create", { policies: ["a"], ttl: "9h" });
    expect(at(long.json, "auth", "lease_duration")).toBe(3600);
  });

  it("tuning an auth method that does not exist is refused", async () => {
    const { ask } = await openRootClient();
    const read = await ask("GET", "sys/auth/none/tune");
    expect(read.json).toEqual({ errors: ['cannot fetch sysview for path "auth/none/"'] });
    expect((await ask("POST", "sys/auth/none/tune", {})).status).toBe(400);
  });
});

describe("disabling auth methods", () => {
  it("disabling an auth method ends its users and tokens with their children, and no others", async () => {
    const client = await withLogins();
    const token = await loginToken(client);
    await client.ask("PUT", "sys/policies/acl/readers", {
      policy: 'path "auth/token/create" { capabilities = ["update"] }',
    });
    const child = await client.ask("POST", "auth/token/create", {}, token);
    const other = await client.tokenWith('path "x" { capabilities = ["read"] }');
    await client.done("DELETE", "sys/auth/people");
    expect(await isValid(client, token)).toBe(false);
    expect(await isValid(client, textAt(child.json, "auth", "client_token"))).toBe(false);
    expect(await isValid(client, other)).toBe(true);
    const gone = await client.ask("POST", "auth/people/login/ann", { password: "x" }, null);
    expect(gone.status).toBe(403);
    expect(await client.api.snapshot()).not.toMatch(/^auth\//m);
    await client.done("POST", "sys/auth/people", { type: "userpass" });
    expect((await client.ask("LIST", "auth/people/users")).status).toBe(404);
  });

  it("disabling an unknown auth method does nothing, and the token store cannot be disabled", async () => {
    const { ask, done } = await openRootClient();
    await done("DELETE", "sys/auth/none");
    const refused = await ask("DELETE", "sys/auth/token");
    expect([refused.status, refused.json]).toEqual([400, {
      errors: ["token credential backend cannot be disabled"],
    }]);
  });

  it("a login that races with disabling its auth method gets no lasting token", async () => {
    const client = await withLogins();
    const [answer] = await Promise.all([
      client.ask("POST", "auth/people/login/ann", { password: "x" }, null),
      client.done("DELETE", "sys/auth/people"),
    ]);
    if (answer.status === 200) {
      expect(await isValid(client, textAt(answer.json, "auth", "client_token"))).toBe(false);
    } else expect(answer.status).toBeLessThan(500);
    const accessors = await client.ask("LIST", "auth/token/accessors");
    expect(textsAt(accessors.json, "data", "keys")).toHaveLength(1);
  });
});

describe("paths below auth/", () => {
  it("an unknown path below auth/ is 404 with a token and 403 without", async () => {
    const { ask } = await openRootClient();
    const known = await ask("GET", "auth/none/x");
    expect([known.status, known.json]).toEqual([404, {
      errors: ['no handler for route "auth/none/x". route entry not found.'],
    }]);
    const anonymous = await ask("POST", "auth/none/login/ann", { password: "x" }, null);
    expect([anonymous.status, anonymous.json]).toEqual([403, PERMISSION_DENIED]);
    const token = await ask("GET", "auth/token/nothing");
    expect([token.status, token.json]).toEqual([404, UNSUPPORTED_PATH]);
  });

  it("a login answers 503 while the vault is sealed", async () => {
    const client = await withLogins();
    await client.done("PUT", "sys/seal");
    const answer = await client.ask("POST", "auth/people/login/ann", { password: "x" }, null);
    expect(answer.status).toBe(503);
  });
});

describe("sys/internal/ui/mounts", () => {
  it("sys/internal/ui/mounts shows the auth methods that the token may use", async () => {
    const { ask, tokenWith } = await withLogins();
    const all = await ask("GET", "sys/internal/ui/mounts");
    expect(Object.keys(Object(at(all.json, "data", "auth")))).toEqual(["people/", "token/"]);
    const some = await tokenWith(
      'path "auth/people/users/*" { capabilities = ["list"] }\n' +
        'path "sys/internal/ui/mounts" { capabilities = ["read"] }',
      // The default policy lets everybody read about themselves below identity/.
      false,
    );
    const seen = await ask("GET", "sys/internal/ui/mounts", null, some);
    expect(Object.keys(Object(at(seen.json, "data", "auth")))).toContain("people/");
    expect(Object.keys(Object(at(seen.json, "data", "secret")))).not.toContain("identity/");
  });

  it("sys/internal/ui/mounts shows only unauth auth methods without a token, none to a bad token", async () => {
    const hidden = await withLogins();
    const none = await hidden.ask("GET", "sys/internal/ui/mounts", null, null);
    expect([none.status, at(none.json, "data")]).toEqual([200, { auth: {}, secret: {} }]);
    const shown = await withLogins({ listing_visibility: "unauth" });
    const some = await shown.ask("GET", "sys/internal/ui/mounts", null, null);
    expect(at(some.json, "data", "auth")).toEqual({
      "people/": { description: "people", options: {}, type: "userpass" },
    });
    const bad = await shown.ask("GET", "sys/internal/ui/mounts", null, "s.bad");
    expect([bad.status, bad.json]).toEqual([403, PERMISSION_DENIED]);
  });

  it("sys/internal/ui/mounts names the auth method that owns a path", async () => {
    const { ask, tokenWith } = await withLogins();
    const owner = await ask("GET", "sys/internal/ui/mounts/auth/people/users/ann");
    expect(at(owner.json, "data")).toMatchObject({ path: "people/", type: "userpass" });
    const none = await tokenWith('path "sys/internal/ui/mounts/*" { capabilities = ["read"] }');
    const refused = await ask("GET", "sys/internal/ui/mounts/auth/people/x", null, none);
    expect(refused.status).toBe(403);
  });
});

describe("sys/internal/ui/resultant-acl", () => {
  it("resultant-acl has only `root` for a root token", async () => {
    const { ask } = await openRootClient();
    const answer = await ask("GET", "sys/internal/ui/resultant-acl");
    expect(at(answer.json, "data")).toEqual({ root: true });
  });

  it("resultant-acl has the rules of all policies, exact paths apart from prefixes", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith(`
      path "kv/a" { capabilities = ["update", "read"] required_parameters = ["x"] }
      path "kv/b/*" {
        capabilities = ["list"]
        allowed_parameters = { "n" = ["1", "2"] }
        max_wrapping_ttl = "1m"
      }
      path "kv/c" { capabilities = ["deny"] }`);
    const { json } = await ask("GET", "sys/internal/ui/resultant-acl", null, token);
    expect(at(json, "data", "root")).toBe(false);
    expect(at(json, "data", "exact_paths", "kv/a")).toEqual({
      capabilities: ["read", "update"],
      required_parameters: ["x"],
    });
    expect(at(json, "data", "exact_paths", "kv/c")).toEqual({ capabilities: ["deny"] });
    expect(at(json, "data", "glob_paths", "kv/b/")).toEqual({
      capabilities: ["list"],
      allowed_parameters: { n: ["1", "2"] },
      max_wrapping_ttl: 60,
    });
    expect(at(json, "data", "exact_paths", "auth/token/lookup-self")).toEqual({
      capabilities: ["read"],
    });
  });
});

describe("sys/capabilities", () => {
  it("sys/capabilities shows another token's capabilities, by token and by accessor", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith('path "kv/a" { capabilities = ["read", "list"] }');
    const self = await ask("GET", "auth/token/lookup-self", null, token);
    const accessor = textAt(self.json, "data", "accessor");
    const one = await ask("POST", "sys/capabilities", { token, path: "kv/a" });
    expect(at(one.json, "data")).toEqual({
      capabilities: ["list", "read"],
      "kv/a": ["list", "read"],
    });
    expect(at(one.json, "capabilities")).toEqual(["list", "read"]);
    const two = await ask("POST", "sys/capabilities-accessor", {
      accessor,
      paths: ["kv/a", "kv/b"],
    });
    expect(at(two.json, "data")).toEqual({ "kv/a": ["list", "read"], "kv/b": ["deny"] });
  });

  it("sys/capabilities refuses missing and unknown tokens and accessors", async () => {
    const { ask } = await openRootClient();
    const answers = [
      await ask("POST", "sys/capabilities", { path: "a" }),
      await ask("POST", "sys/capabilities", { token: "s.none", path: "a" }),
      await ask("POST", "sys/capabilities-accessor", { accessor: "none", path: "a" }),
      await ask("POST", "sys/capabilities-accessor", { path: "a" }),
    ];
    expect(answers.map(({ status, json }) => [status, at(json, "errors", 0)])).toEqual([
      [400, "1 error occurred:\n\t* no token found\n\n"],
      [400, "1 error occurred:\n\t* invalid token\n\n"],
      [400, "1 error occurred:\n\t* invalid accessor\n\n"],
      [400, "missing accessor"],
    ]);
  });
});

describe("ON_DEMAND_PATHS", () => {
  it("every endpoint is below a path in ON_DEMAND_PATHS", () => {
    const covers = (path: string): boolean =>
      ON_DEMAND_PATHS.some((known) =>
        known === path || (known.endsWith("/*") && `${path}/`.startsWith(known.slice(0, -1)))
      );
    const paths = [
      ...RAW_ENDPOINTS.map(({ path }) => path),
      ...ENDPOINTS.map(({ template }) => template),
    ];
    expect(paths.filter((path) => !covers(path))).toEqual([]);
    expect(paths.length).toBeGreaterThan(0);
  });
});

/** Secrets engines as mounts: how they are shown, enabled, disabled and tuned. */

import { describe, expect, it } from "vitest";
import { at, UNSUPPORTED_OPERATION } from "../../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

async function withMount(type = "kv", more: object = {}): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/mounts/m", { type, ...more });
  return client;
}

async function dataAt({ ask }: RootClient, path: string): Promise<unknown> {
  return at((await ask("GET", path)).json, "data");
}

describe("mounts", () => {
  it("a mount shows its settings in the table and at its tune path", async () => {
    const client = await withMount("kv", {
      external_entropy_access: true,
      config: {
        default_lease_ttl: "1h",
        max_lease_ttl: "system",
        force_no_cache: true,
        listing_visibility: "hidden",
        audit_non_hmac_request_keys: ["a", 5, null],
        audit_non_hmac_response_keys: "b, c",
        passthrough_request_headers: ["X-A"],
        allowed_response_headers: "X-B",
        token_type: "batch",
      },
    });
    const shown = {
      allowed_response_headers: ["X-B"],
      audit_non_hmac_request_keys: ["a", "5", ""],
      audit_non_hmac_response_keys: ["b", "c"],
      default_lease_ttl: 3600,
      force_no_cache: true,
      listing_visibility: "hidden",
      passthrough_request_headers: ["X-A"],
    };
    expect(at(await dataAt(client, "sys/mounts/m"), "config")).toEqual({
      ...shown,
      max_lease_ttl: 0,
    });
    expect(await dataAt(client, "sys/mounts/m/tune")).toEqual({
      ...shown,
      description: "",
      external_entropy_access: true,
      max_lease_ttl: 768 * 3600,
    });
  });

  it("a mount without settings shows only the defaults", async () => {
    const client = await withMount();
    expect(at(await dataAt(client, "sys/mounts/m"), "config")).toEqual({
      default_lease_ttl: 0,
      force_no_cache: false,
      max_lease_ttl: 0,
    });
  });

  it("a mount shows the product's version, and a deprecation status if it is in the catalog", async () => {
    const client = await withMount("generic");
    await client.done("POST", "sys/mounts/k", { type: "kv" });
    const table = Object(await dataAt(client, "sys/mounts")) as Record<string, object>;
    const seen = Object.entries(table).map(([path, entry]) =>
      [path, at(entry, "running_plugin_version"), at(entry, "deprecation_status")] as const
    );
    const version = "vtest+builtin.bao";
    expect(new Set(seen)).toEqual(
      new Set([
        ["cubbyhole/", version, undefined],
        ["identity/", version, undefined],
        ["k/", version, "supported"],
        ["m/", version, undefined],
        ["sys/", version, undefined],
      ]),
    );
    const login = await dataAt(client, "sys/auth/token");
    expect(at(login, "deprecation_status")).toBeUndefined();
  });

  it("a mount of type generic keeps its type and works as kv", async () => {
    const client = await withMount("generic");
    await client.done("PUT", "m/a", { x: "1" });
    expect(await dataAt(client, "m/a")).toEqual({ x: "1" });
    expect(await dataAt(client, "sys/mounts/m")).toMatchObject({
      type: "generic",
      accessor: expect.stringMatching(/^generic_[0-9a-f]{8}$/),
      options: {},
    });
  });

  it.each([
    ["a=b", { a: "b" }],
    [["a=b", "c=d=e"], { a: "b", c: "d=e" }],
    [{ a: null, b: true }, { a: "", b: "1" }],
    [[{ a: "b" }], { a: "b" }],
    [null, null],
  ])("mount options are taken as pairs from %j", async (options, shown) => {
    const client = await withMount("kv", { options });
    expect(at(await dataAt(client, "sys/mounts/m"), "options")).toEqual(shown);
  });

  it.each(["a", ["a"], "=b", 5, { a: ["x"] }])("mount options %j are refused", async (options) => {
    const { ask } = await openRootClient();
    const answer = await ask("POST", "sys/mounts/m", { type: "kv", options });
    expect(answer.status).toBe(400);
    expect(String(at(answer.json, "errors", 0)))
      .toMatch(/^Field validation failed: error converting input for field "options": /);
  });

  it("sys/mounts finds a mount by any path below it, and sys/auth only by its own path", async () => {
    const client = await withMount();
    await client.done("POST", "sys/auth/people", { type: "userpass" });
    const whole = await dataAt(client, "sys/mounts/m");
    expect(await dataAt(client, "sys/mounts/m/below/it")).toEqual(whole);
    const login = await dataAt(client, "sys/auth/people");
    expect(await dataAt(client, "sys/mounts/auth/people/x")).toEqual(login);
    const exact = await client.ask("GET", "sys/auth/people/x");
    expect(exact.json).toEqual({ errors: ["No auth engine at people/x/"] });
    for (const path of ["auth", "auth/none", "none"]) {
      const missing = await client.ask("GET", `sys/mounts/${path}`);
      expect(missing.json).toEqual({ errors: [`No secret engine mount at ${path}/`] });
    }
  });

  it("a mount with listing_visibility unauth is listed without a token", async () => {
    const client = await withMount("kv", { config: { listing_visibility: "unauth" } });
    await client.done("POST", "sys/mounts/hidden", { type: "kv" });
    const { json } = await client.ask("GET", "sys/internal/ui/mounts", null, null);
    expect(at(json, "data", "secret")).toEqual({
      "m/": { description: "", options: {}, type: "kv" },
    });
  });
});

const LEASE = (config: object) => ({ type: "kv", config });

describe("enabling secrets engines", () => {
  it.each([
    ["sys/x", { type: "kv" }, 'cannot mount "sys/x/"'],
    ["audit", { type: "kv" }, 'cannot mount "audit/"'],
    ["auth/x", { type: "kv" }, 'cannot mount "auth/x/"'],
    ["identity/x", { type: "kv" }, 'cannot mount "identity/x/"'],
    ["m/x", { type: "none" }, "path is already in use at m/"],
    ["x", { type: "cubbyhole" }, 'mount type of "cubbyhole" is not mountable'],
    ["x", { type: "ns_token" }, 'mount type of "ns_token" is not mountable'],
    ["x", { type: "plugin" }, "plugin_name must be provided for plugin backend"],
    ["x", { type: "plugin", plugin_name: "none" }, "plugin not found in the catalog: none"],
    [
      "x",
      LEASE({ plugin_version: "v1" }),
      "cannot select non-builtin version of secrets plugin kv",
    ],
    [
      "x",
      LEASE({ plugin_version: "zz" }),
      'version "zz" is not a valid semantic version: malformed version: zz',
    ],
    [
      "x",
      { type: "none", config: { plugin_version: "1.2" } },
      "plugin not found in the catalog: none, version=v1.2.0",
    ],
    [
      "x",
      { type: "transit", options: { version: "2" } },
      'secrets engine "transit" does not allow setting a version',
    ],
    [
      "x",
      { type: "kv", options: { version: "3" } },
      'nil backend of type "kv" returned from factory',
    ],
    ["x", LEASE({ listing_visibility: "zz" }), "invalid listing_visibility zz"],
    ["x", LEASE({ force_no_cache: "true" }), "unable to convert given mount config information"],
    ["x", LEASE({ max_lease_ttl: true }), "unable to convert given mount config information"],
    [
      "x",
      LEASE({ user_lockout_config: { lockout_threshold: "5" } }),
      "unable to convert given mount config information",
    ],
    [
      "x",
      LEASE({ default_lease_ttl: "zz" }),
      'unable to parse default TTL of zz: time: invalid duration "zz"',
    ],
    [
      "x",
      LEASE({ max_lease_ttl: "5m5" }),
      'unable to parse max TTL of 5m5: time: missing unit in duration "5m5"',
    ],
    [
      "x",
      LEASE({ max_lease_ttl: "5x" }),
      'unable to parse max TTL of 5x: time: unknown unit "x" in duration "5x"',
    ],
    [
      "x",
      LEASE({ max_lease_ttl: "1.5d" }),
      'unable to parse max TTL of 1.5d: strconv.ParseInt: parsing "1.5": invalid syntax',
    ],
    [
      "x",
      LEASE({ max_lease_ttl: "-1h" }),
      "unable to parse max TTL of -1h: cannot provide negative value",
    ],
    [
      "x",
      LEASE({ default_lease_ttl: "2h", max_lease_ttl: "1h" }),
      "given default lease TTL greater than given max lease TTL",
    ],
    [
      "x",
      LEASE({ default_lease_ttl: "1000h" }),
      "given default lease TTL greater than system max lease TTL of 2764800",
    ],
  ])("enabling a secrets engine at %s as %j is refused", async (path, body, text) => {
    const { ask, api } = await withMount();
    const before = await api.snapshot();
    const answer = await ask("POST", `sys/mounts/${path}`, body);
    expect([answer.status, answer.json]).toEqual([400, { errors: [text] }]);
    expect(await api.snapshot()).toBe(before);
  });

  it("a secrets engine can be enabled as plugin by name and running version", async () => {
    const client = await withMount("plugin", {
      plugin_name: "none",
      config: { plugin_name: "kv", plugin_version: "vtest+builtin.bao" },
    });
    expect(at(await dataAt(client, "sys/mounts/m"), "type")).toBe("kv");
  });
});

describe("disabling secrets engines", () => {
  it("built-in mounts cannot be disabled, and disabling an unknown mount does nothing", async () => {
    const { ask, done } = await openRootClient();
    for (const path of ["sys", "cubbyhole", "identity", "auth/token"]) {
      const answer = await ask("DELETE", `sys/mounts/${path}`);
      expect([answer.status, answer.json]).toEqual([400, {
        errors: [`cannot unmount "${path}/"`],
      }]);
    }
    for (const path of ["none", "sys/x", "auth/none"]) await done("DELETE", `sys/mounts/${path}`);
  });
});

describe("tuning mounts", () => {
  it("tuning changes a mount's settings, and empty values remove them", async () => {
    const client = await withMount("kv", { options: { a: "b", kept: "" } });
    await client.done("POST", "sys/mounts/m/below/tune", {
      description: "d",
      default_lease_ttl: "5000h",
      listing_visibility: "unauth",
      audit_non_hmac_request_keys: "x,y",
      passthrough_request_headers: ["X-A"],
      allowed_response_headers: "X-B",
      options: "c=d",
    });
    expect(await dataAt(client, "sys/mounts/m/tune")).toEqual({
      allowed_response_headers: ["X-B"],
      audit_non_hmac_request_keys: ["x", "y"],
      default_lease_ttl: 5000 * 3600,
      description: "d",
      force_no_cache: false,
      listing_visibility: "unauth",
      max_lease_ttl: 768 * 3600,
      options: { a: "b", c: "d", kept: "" },
      passthrough_request_headers: ["X-A"],
    });
    await client.done("POST", "sys/mounts/m/tune", {
      default_lease_ttl: "system",
      listing_visibility: "",
      audit_non_hmac_request_keys: [],
      passthrough_request_headers: null,
      allowed_response_headers: "",
      options: { a: "", c: null },
    });
    expect(await dataAt(client, "sys/mounts/m/tune")).toEqual({
      default_lease_ttl: 768 * 3600,
      description: "d",
      force_no_cache: false,
      max_lease_ttl: 768 * 3600,
      options: { kept: "" },
    });
  });

  it("tuning does not change force_no_cache", async () => {
    const client = await withMount();
    await client.done("POST", "sys/mounts/m/tune", { force_no_cache: true });
    expect(await dataAt(client, "sys/mounts/m/tune")).toMatchObject({ force_no_cache: false });
  });

  it("an auth method can be tuned below sys/mounts/auth", async () => {
    const client = await openRootClient();
    await client.done("POST", "sys/auth/people", { type: "userpass" });
    const tuning = { max_lease_ttl: "1h", token_type: "batch" };
    await client.done("POST", "sys/mounts/auth/people/tune", tuning);
    const tuned = { max_lease_ttl: 3600, token_type: "batch" };
    expect(await dataAt(client, "sys/auth/people/tune")).toMatchObject(tuned);
    expect(await dataAt(client, "sys/mounts/auth/people/tune")).toMatchObject(tuned);
  });

  it.each([
    ["none", {}, 'tune of path "none/" failed: no mount entry found'],
    ["sys", { description: "x" }, "cannot tune parameter description of sys/"],
    ["identity/x", { options: null }, "cannot tune parameter options of identity/x/"],
    ["m", { token_type: "" }, "'token_type' can only be modified on auth mounts"],
    ["m", { plugin_version: "v1" }, "plugin not found in the catalog: kv, version=v1.0.0"],
    [
      "m",
      { plugin_version: "" },
      'version "" is not a valid semantic version: malformed version: ',
    ],
    ["m", { listing_visibility: "zz" }, "invalid listing_visibility zz"],
    ["m", { description: "new", max_lease_ttl: "zz" }, 'time: invalid duration "zz"'],
    [
      "m",
      { default_lease_ttl: "2h", max_lease_ttl: "1h" },
      "backend max lease TTL of 3600 would be less than backend default lease TTL of 7200",
    ],
    [
      "m",
      { user_lockout_config: { lockout_threshold: "5" } },
      'tuning of user lockout configuration for auth type "kv" not allowed',
    ],
    ["m", { options: { version: "3" } }, "invalid version provided: 3"],
    ["m", { options: { version: "" } }, "invalid version provided: 0"],
    [
      "m",
      { options: { version: "x" } },
      'unable to parse options: strconv.ParseInt: parsing "x": invalid syntax',
    ],
    ["two", { options: { version: "1" } }, "cannot downgrade mount from version 2"],
    [
      "tr",
      { options: { version: "2" } },
      'secrets engine "transit" does not allow setting a version',
    ],
    [
      "auth/people",
      { options: { version: "2" } },
      'auth method "userpass" does not allow setting a version',
    ],
    [
      "auth/token",
      { token_type: "service" },
      "'token_type' cannot be set for 'token' or 'ns_token' auth mounts",
    ],
  ])("tuning %s by %j is refused and changes nothing", async (path, body, text) => {
    const client = await withMount();
    await client.done("POST", "sys/mounts/two", { type: "kv-v2" });
    await client.done("POST", "sys/mounts/tr", { type: "transit" });
    await client.done("POST", "sys/auth/people", { type: "userpass" });
    const before = await client.api.snapshot();
    const answer = await client.ask("POST", `sys/mounts/${path}/tune`, body);
    expect([answer.status, answer.json]).toEqual([400, { errors: [text] }]);
    expect(await client.api.snapshot()).toBe(before);
  });

  it("the sys mount's audit fields can be tuned, and unknown fields are ignored", async () => {
    const client = await openRootClient();
    await client.done("POST", "sys/mounts/sys/tune", { unknown: "x" });
    await client.done("POST", "sys/mounts/sys/tune", { audit_non_hmac_request_keys: ["a"] });
    expect(await dataAt(client, "sys/mounts/sys/tune")).toMatchObject({
      audit_non_hmac_request_keys: ["a"],
      passthrough_request_headers: ["Accept"],
    });
  });

  it("DELETE of a tune path is refused, and of any other path below a mount does nothing", async () => {
    const { ask, done } = await withMount();
    for (const path of ["sys/mounts/m/tune", "sys/auth/token/tune"]) {
      const answer = await ask("DELETE", path);
      expect([answer.status, answer.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    }
    await done("DELETE", "sys/mounts/m/other");
    expect((await ask("GET", "sys/mounts/m")).status).toBe(200);
  });
});

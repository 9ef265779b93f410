/** The single-field paths of an AppRole role, and its other paths. */

import { describe, expect, it } from "vitest";
import {
  at,
  textAt,
  UNSUPPORTED_OPERATION,
  UNSUPPORTED_PATH,
} from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../http/root_client.ts";

const ROLE = "auth/approle/role/ci";

async function withRole(role: object = {}): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/approle", { type: "approle" });
  await client.done("POST", ROLE, role);
  return client;
}

/** Path, field, a value as sent and as shown, and the value once it is deleted. */
const FIELDS: readonly (readonly [string, string, unknown, unknown, unknown])[] = [
  ["policies", "token_policies", "a,b", ["a", "b"], []],
  ["secret-id-bound-cidrs", "secret_id_bound_cidrs", "10.0.0.5/8", ["10.0.0.5/8"], null],
  ["bound-cidr-list", "bound_cidr_list", "10.0.0.0/8", ["10.0.0.0/8"], null],
  ["token-bound-cidrs", "token_bound_cidrs", "10.0.0.5/32", ["10.0.0.5"], null],
  ["secret-id-num-uses", "secret_id_num_uses", 5, 5, 0],
  ["secret-id-ttl", "secret_id_ttl", "1h", 3600, 0],
  ["token-num-uses", "token_num_uses", "7", 7, 0],
  ["token-ttl", "token_ttl", "20m", 1200, 0],
  ["token-max-ttl", "token_max_ttl", "2h", 7200, 0],
  ["period", "token_period", "1h", 3600, 0],
];

describe("single fields of a role", () => {
  it.each(FIELDS)("%s can be set, shown and reset", async (path, field, sent, shown, cleared) => {
    const { ask, done } = await withRole();
    await done("POST", `${ROLE}/${path}`, { [field]: sent });
    const read = await ask("GET", `${ROLE}/${path}`);
    expect(at(read.json, "data")).toEqual({ [field]: shown });
    await done("DELETE", `${ROLE}/${path}`);
    const after = await ask("GET", `${ROLE}/${path}`);
    expect(at(after.json, "data")).toEqual({ [field]: cleared });
  });

  it("bind-secret-id can be set, shown and reset if addresses are bound", async () => {
    const { ask, done } = await withRole({ secret_id_bound_cidrs: "10.0.0.0/8" });
    const shown = async () => at((await ask("GET", `${ROLE}/bind-secret-id`)).json, "data");
    expect(await shown()).toEqual({ bind_secret_id: true });
    await done("POST", `${ROLE}/bind-secret-id`, { bind_secret_id: false });
    expect(await shown()).toEqual({ bind_secret_id: false });
    const bounds = await ask("DELETE", `${ROLE}/secret-id-bound-cidrs`);
    expect([bounds.status, bounds.json]).toEqual([400, {
      errors: ["1 error occurred:\n\t* at least one constraint should be enabled on the role\n\n"],
    }]);
    await done("DELETE", `${ROLE}/bind-secret-id`);
    expect(await shown()).toEqual({ bind_secret_id: true });
    await done("DELETE", `${ROLE}/secret-id-bound-cidrs`);
  });

  it("a single field of a role is also shown on the whole role", async () => {
    const { ask, done } = await withRole();
    for (const [path, field, sent] of FIELDS) {
      await done("POST", `${ROLE}/${path}`, { [field]: sent });
    }
    expect(at((await ask("GET", ROLE)).json, "data")).toEqual({
      bind_secret_id: true,
      local_secret_ids: false,
      secret_id_bound_cidrs: ["10.0.0.0/8"],
      secret_id_num_uses: 5,
      secret_id_ttl: 3600,
      token_bound_cidrs: ["10.0.0.5"],
      token_explicit_max_ttl: 0,
      token_max_ttl: 7200,
      token_no_default_policy: false,
      token_num_uses: 7,
      token_period: 3600,
      token_policies: ["a", "b"],
      token_strictly_bind_ip: false,
      token_ttl: 1200,
      token_type: "default",
    });
  });

  it("policies and period of a role can be set by their deprecated names", async () => {
    const { ask, done } = await withRole();
    await done("POST", `${ROLE}/policies`, { policies: "old" });
    await done("POST", `${ROLE}/period`, { period: 60 });
    const legacy = { policies: ["old"], token_policies: ["old"], period: 60, token_period: 60 };
    const role = await ask("GET", ROLE);
    expect(at(role.json, "data")).toMatchObject(legacy);
    const shown = async (path: string) => at((await ask("GET", `${ROLE}/${path}`)).json, "data");
    expect(await shown("period")).toEqual({ period: 60, token_period: 60 });
    expect(await shown("policies")).toEqual({ policies: ["old"], token_policies: ["old"] });
    await done("POST", `${ROLE}/policies`, { token_policies: ["B", "a", "a"] });
    expect(await shown("policies")).toEqual({ token_policies: ["a", "b"] });
    await done("DELETE", `${ROLE}/period`);
    await done("POST", ROLE, { token_period: 30 });
    expect(await shown("period")).toEqual({ token_period: 30 });
  });

  it("roles do not have the deprecated fields of userpass", async () => {
    const { ask } = await withRole({ ttl: "1h", max_ttl: "2h" });
    const role = await ask("GET", ROLE);
    expect(at(role.json, "data")).toMatchObject({ token_ttl: 0, token_max_ttl: 0 });
  });

  it.each([
    ["policies", {}, "missing token_policies"],
    ["bind-secret-id", {}, "missing bind_secret_id"],
    ["secret-id-num-uses", {}, "missing secret_id_num_uses"],
    ["secret-id-ttl", {}, "missing secret_id_ttl"],
    ["token-num-uses", {}, "missing token_num_uses"],
    ["token-ttl", {}, "missing token_ttl"],
    ["token-max-ttl", {}, "missing token_max_ttl"],
    ["period", {}, "missing period"],
    ["role-id", {}, "missing role_id"],
    ["secret-id-bound-cidrs", { secret_id_bound_cidrs: "" }, "missing bound_cidr_list"],
    ["secret-id-num-uses", { secret_id_num_uses: -1 }, "secret_id_num_uses cannot be negative"],
    ["token-num-uses", { token_num_uses: -1 }, "'token_num_uses' cannot be negative"],
    ["token-ttl", { token_ttl: "3h" }, "token_ttl should not be greater than token_max_ttl"],
    [
      "token-max-ttl",
      { token_max_ttl: "1m" },
      "token_max_ttl should be greater than or equal to token_ttl",
    ],
    [
      "period",
      { period: "1000h" },
      'period of "1000h0m0s" is greater than the backend\'s maximum lease TTL of "768h0m0s"',
    ],
    [
      "bound-cidr-list",
      { bound_cidr_list: "1.0.0.0" },
      "failed to validate CIDR blocks: invalid CIDR address: 1.0.0.0",
    ],
    [
      "token-bound-cidrs",
      { token_bound_cidrs: "x" },
      'failed to parse token_bound_cidrs: error parsing address "x": Unable to convert "x" to an ' +
      "IPv4 or IPv6 address, or a UNIX Socket",
    ],
    [
      "token-ttl",
      { token_ttl: [] },
      'Field validation failed: error converting input for field "token_ttl": expected a ' +
      "duration, got list",
    ],
  ])("the field %s of a role refuses %j", async (path, body, why) => {
    const { ask } = await withRole({ token_ttl: "1h", token_max_ttl: "2h" });
    const before = await ask("GET", ROLE);
    const answer = await ask("POST", `${ROLE}/${path}`, body);
    expect([answer.status, answer.json]).toEqual([400, { errors: [why] }]);
    const after = await ask("GET", ROLE);
    expect(at(after.json, "data")).toEqual(at(before.json, "data"));
  });

  it("a field of an unknown role is not found, and deleting it does nothing", async () => {
    const { ask } = await withRole();
    for (const [path, field, sent] of FIELDS) {
      const none = `auth/approle/role/none/${path}`;
      expect((await ask("GET", none)).status, path).toBe(404);
      const write = await ask("POST", none, { [field]: sent });
      expect([write.status, write.json], path).toEqual([404, UNSUPPORTED_PATH]);
      expect((await ask("DELETE", none)).status, path).toBe(204);
    }
    expect((await ask("GET", "auth/approle/role/none")).status).toBe(404);
  });

  it("reading bound-cidr-list warns that it is deprecated", async () => {
    const { ask } = await withRole();
    const read = await ask("GET", `${ROLE}/bound-cidr-list`);
    expect(at(read.json, "warnings")).toEqual([
      'The "bound_cidr_list" field is deprecated and will be removed. Please use ' +
      '"secret_id_bound_cidrs" instead.',
    ]);
  });

  it("local-secret-ids can only be read", async () => {
    const { ask } = await withRole({ local_secret_ids: true });
    const read = await ask("GET", `${ROLE}/local-secret-ids`);
    expect(at(read.json, "data")).toEqual({ local_secret_ids: true });
    for (const method of ["POST", "DELETE"]) {
      const answer = await ask(method, `${ROLE}/local-secret-ids`);
      expect([answer.status, answer.json]).toEqual([405, UNSUPPORTED_OPERATION]);
    }
  });
});

describe("AppRole paths", () => {
  it("AppRole refuses other operations and unknown paths as the reference does", async () => {
    const { ask } = await withRole();
    const refused = async (method: string, path: string) => {
      const { status, json } = await ask(method, path, method === "POST" ? {} : null);
      return [status, json];
    };
    for (const path of ["secret-id", "custom-secret-id", "secret-id/lookup", "secret-id/destroy"]) {
      expect(await refused("GET", `${ROLE}/${path}`), path).toEqual([405, UNSUPPORTED_OPERATION]);
    }
    for (const path of [`${ROLE}/role-id`, `${ROLE}/secret-id`]) {
      expect(await refused("DELETE", path), path).toEqual([405, UNSUPPORTED_OPERATION]);
    }
    for (const path of [`${ROLE}/token-period`, `${ROLE}/x`, "auth/approle/nothing"]) {
      expect(await refused("POST", path), path).toEqual([404, UNSUPPORTED_PATH]);
    }
    for (const path of [ROLE, `${ROLE}/token-ttl`, `${ROLE}/role-id`]) {
      expect(await refused("LIST", path), path).toEqual([404, UNSUPPORTED_PATH]);
    }
    expect(await refused("GET", "auth/approle/role")).toEqual([405, UNSUPPORTED_OPERATION]);
  });

  it("issuing a secret id warns about unknown fields", async () => {
    const { ask } = await withRole();
    const issued = await ask("POST", `${ROLE}/secret-id`, { uses: 1, role_name: "x" });
    expect(at(issued.json, "warnings")).toEqual([
      "Endpoint ignored these unrecognized parameters: [uses]",
      "Endpoint replaced the value of these parameters with the values captured from the " +
      "endpoint's path: [role_name]",
    ]);
  });

  it("secret ids can be listed by page", async () => {
    const { ask } = await withRole();
    const accessors: string[] = [];
    for (const _id of [1, 2, 3]) {
      const { json } = await ask("POST", `${ROLE}/secret-id`);
      accessors.push(textAt(json, "data", "secret_id_accessor"));
    }
    const [first, second] = accessors.sort();
    const page = await ask("LIST", `${ROLE}/secret-id?after=${first}&limit=1`);
    expect(at(page.json, "data", "keys")).toEqual([second]);
  });

  it("creating a role needs `create`, and changing one needs `update`", async () => {
    const { ask, tokenWith } = await withRole();
    const maker = await tokenWith('path "auth/approle/role/*" { capabilities = ["create"] }');
    expect((await ask("POST", "auth/approle/role/new", {}, maker)).status).toBe(204);
    expect((await ask("POST", "auth/approle/role/new", {}, maker)).status).toBe(403);
    const part = await ask("POST", "auth/approle/role/new/token-ttl", { token_ttl: 1 }, maker);
    expect(part.status).toBe(403);
  });

  it("tidy deletes expired secret ids", async () => {
    const { ask, api } = await withRole({ secret_id_ttl: "1m" });
    await ask("POST", `${ROLE}/secret-id`);
    const left = async () => (await api.snapshot()).match(/^auth\/.*\/secret-id\//m);
    api.clock.nowMs += 60_000;
    expect(await left()).not.toBeNull();
    const tidy = await ask("POST", "auth/approle/tidy/secret-id");
    expect(tidy.status).toBe(202);
    expect(await left()).toBeNull();
    expect((await ask("GET", "auth/approle/tidy/secret-id")).status).toBe(405);
  });
});

/** Token roles: their fields, and the policies and terms of the tokens they make. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const ROLE = "auth/token/roles/ops";
const CREATE = "auth/token/create/ops";
const MAKER = 'path "auth/token/*" { capabilities = ["create", "read", "update"] }';

type Ask = RootClient["ask"];

async function withRole(fields: object) {
  const client = await openRootClient();
  const written = await client.ask("POST", ROLE, fields);
  if (written.status >= 400) throw new Error(written.text);
  return client;
}

async function shown({ ask }: { ask: Ask }) {
  return at((await ask("GET", ROLE)).json, "data") as Record<string, unknown>;
}

/** The policies of a token made by the role, or the error. */
async function policiesBy(ask: Ask, body: object, token?: string) {
  const made = await ask("POST", CREATE, body, token);
  return made.status === 200 ? at(made.json, "auth", "policies") : at(made.json, "errors", 0);
}

describe("token role fields", () => {
  it("a token role shows its defaults, and the fields that were set", async () => {
    const client = await withRole({});
    expect(await shown(client)).toEqual({
      allowed_entity_aliases: null,
      allowed_policies: [],
      allowed_policies_glob: [],
      disallowed_policies: [],
      disallowed_policies_glob: [],
      explicit_max_ttl: 0,
      name: "ops",
      orphan: false,
      path_suffix: "",
      period: 0,
      renewable: true,
      token_explicit_max_ttl: 0,
      token_no_default_policy: false,
      token_period: 0,
      token_type: "default-service",
    });
    await client.done("POST", ROLE, {
      allowed_policies: ["P", "p", "a"],
      disallowed_policies: "B, b",
      allowed_policies_glob: "Q*",
      allowed_entity_aliases: ["Ann", "B*"],
      token_num_uses: 3,
      token_bound_cidrs: "10.0.0.0/8",
    });
    expect(await shown(client)).toMatchObject({
      allowed_policies: ["a", "p"],
      disallowed_policies: ["b"],
      allowed_policies_glob: ["q*"],
      allowed_entity_aliases: ["ann", "b*"],
      token_num_uses: 3,
      token_bound_cidrs: ["10.0.0.0/8"],
    });
  });

  it("a deprecated field of a token role is shown until its newer name is set", async () => {
    const client = await withRole({ period: "1h", explicit_max_ttl: 60, bound_cidrs: "10.0.0.1" });
    expect(await shown(client)).toMatchObject({
      period: 3600,
      token_period: 3600,
      explicit_max_ttl: 60,
      token_explicit_max_ttl: 60,
      bound_cidrs: ["10.0.0.1"],
      token_bound_cidrs: ["10.0.0.1"],
    });
    const body = { token_period: "2h", token_explicit_max_ttl: 90, token_bound_cidrs: "10.0.0.2" };
    await client.done("POST", ROLE, body);
    const newer = await shown(client);
    expect(newer).toMatchObject({
      period: 0,
      token_period: 7200,
      explicit_max_ttl: 0,
      token_explicit_max_ttl: 90,
      token_bound_cidrs: ["10.0.0.2"],
    });
    expect(newer).not.toHaveProperty("bound_cidrs");
  });

  it("writing a token role warns about ignored fields and a maximum TTL that is too high", async () => {
    const { ask } = await openRootClient();
    const written = await ask("POST", ROLE, {
      period: "1h",
      token_period: "2h",
      bound_cidrs: "10.0.0.1",
      token_bound_cidrs: "10.0.0.2",
      token_explicit_max_ttl: "1000h",
    });
    const ignored = (name: string) =>
      `Both 'token_${name}' and deprecated '${name}' value supplied, ignoring the deprecated value`;
    expect([written.status, at(written.json, "data"), at(written.json, "warnings")]).toEqual([
      200,
      null,
      [
        ignored("period"),
        ignored("bound_cidrs"),
        "Given explicit max TTL of 3600000 is greater than system/mount allowed value of 2764800 " +
        "seconds; until this is fixed attempting to create tokens against this role will result " +
        "in an error",
      ],
    ]);
  });

  it.each([
    [{ token_type: "default" }, "invalid 'token_type' value \"default\""],
    [{ token_type: "" }, "invalid 'token_type' value \"\""],
    [{ token_type: null }, "Invalid 'token_type' value: null"],
    [
      { token_type: "batch" },
      "'token_type' cannot be 'batch' when role is set to generate non-orphan tokens",
    ],
    [
      { token_type: "batch", orphan: true },
      "'token_type' cannot be 'batch' when role is set to generate renewable tokens",
    ],
    [
      { token_type: "batch", orphan: true, renewable: false, period: "1h" },
      "'token_type' cannot be 'batch' when role is set to generate periodic tokens",
    ],
    [
      { token_type: "batch", orphan: true, renewable: false, token_explicit_max_ttl: 5 },
      "'token_type' cannot be 'batch' when role is set to generate tokens with an explicit max TTL",
    ],
    [{ token_num_uses: -1 }, "error parsing role fields: 'token_num_uses' cannot be negative"],
    [
      { path_suffix: "fo o" },
      "given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w",
    ],
    [
      { path_suffix: "abc/../d" },
      "error registering path suffix: path cannot contain parent references",
    ],
    [
      { orphan: "zz" },
      'error converting input for field "orphan": expected a boolean, got string',
    ],
  ])("a token role with %j is refused", async (body, why) => {
    const { ask } = await openRootClient();
    const refused = await ask("POST", ROLE, body);
    expect([refused.status, refused.json]).toEqual([400, { errors: [why] }]);
    expect((await ask("GET", ROLE)).status).toBe(404);
  });

  it("a token role for batch tokens refuses a limit on uses", async () => {
    const { ask } = await withRole({ token_type: "default-batch" });
    const refused = await ask("POST", ROLE, { token_num_uses: 2 });
    expect(at(refused.json, "errors", 0)).toBe(
      "error parsing role fields: 'token_type' cannot be 'batch' or 'default_batch' when set to " +
        "generate tokens with limited use count",
    );
  });
});

describe("policies of a token role", () => {
  it("a token role allows the policies of its list and globs, whatever the caller has", async () => {
    const { ask, tokenWith } = await withRole({
      allowed_policies: "p1",
      allowed_policies_glob: "q*",
    });
    const maker = await tokenWith(MAKER);
    expect(await policiesBy(ask, {}, maker)).toEqual(["default", "p1"]);
    expect(await policiesBy(ask, { policies: ["p1", "qa"] }, maker))
      .toEqual(["default", "p1", "qa"]);
    expect(await policiesBy(ask, { policies: ["p2"] })).toBe(
      'token policies (["default" "p2"]) must be subset of the role\'s allowed policies ' +
        '(["default" "p1"]) or glob policies (["q*"])',
    );
    expect(await policiesBy(ask, { policies: ["qa\nroot"] }, maker))
      .toBe("policy names cannot contain line breaks");
  });

  it("a token role refuses its disallowed policies and leaves out a disallowed default", async () => {
    const { ask, tokenWith } = await withRole({
      disallowed_policies: "default,p1",
      disallowed_policies_glob: "q*",
    });
    const maker = await tokenWith(MAKER, false);
    expect(await policiesBy(ask, { policies: ["other"] }, maker)).toEqual(["other"]);
    for (const name of ["p1", "qa", "default"]) {
      expect(await policiesBy(ask, { policies: [name] }, maker))
        .toBe(`token policy "${name}" is disallowed by this role`);
    }
  });

  it("a token role's glob does not allow root or response-wrapping", async () => {
    const { ask, tokenWith } = await withRole({ allowed_policies_glob: "*" });
    const maker = await tokenWith(MAKER);
    expect(await policiesBy(ask, { policies: ["root"] }, maker))
      .toBe("root tokens may not be created without parent token being root");
    expect(await policiesBy(ask, { policies: ["response-wrapping"] }, maker))
      .toBe('cannot assign policy "response-wrapping"');
  });

  it("token_no_default_policy has no effect unless the token role lists policies", async () => {
    const { ask, done } = await withRole({ token_no_default_policy: true });
    expect(await policiesBy(ask, { policies: ["p"] })).toEqual(["default", "p"]);
    await done("POST", ROLE, { allowed_policies: "p" });
    expect(await policiesBy(ask, { policies: ["p"] })).toEqual(["p"]);
  });

  it("a token role without lists gives the caller's policies", async () => {
    const { ask, tokenWith } = await withRole({});
    const maker = await tokenWith(MAKER);
    expect(await policiesBy(ask, {}, maker)).toEqual(["default", "rules-1"]);
    expect(await policiesBy(ask, { policies: ["p"] }, maker))
      .toBe("child policies must be subset of parent");
  });
});

describe("terms of a token role", () => {
  it("a token role's period and maximum apply but are not shown on the token", async () => {
    const { ask } = await withRole({ token_period: "3m", token_explicit_max_ttl: "10m" });
    const made = await ask("POST", CREATE, { policies: ["p"] });
    expect(at(made.json, "auth", "lease_duration")).toBe(180);
    const token = textAt(made.json, "auth", "client_token");
    const looked = at((await ask("POST", "auth/token/lookup", { token })).json, "data");
    expect(looked).toMatchObject({ explicit_max_ttl: 0, role: "ops" });
    expect(looked).not.toHaveProperty("period");
  });

  it("the lesser of the request's and the token role's terms applies, with a warning", async () => {
    const { ask } = await withRole({ token_period: "3m", token_explicit_max_ttl: "10m" });
    const body = { policies: ["default"], period: "5m", explicit_max_ttl: "5m" };
    const made = await ask("POST", CREATE, body);
    expect(at(made.json, "auth", "lease_duration")).toBe(180);
    const both = (what: string, seconds: number) =>
      `${what} specified both during creation call and in role; using the lesser value of ` +
      `${seconds} seconds`;
    expect(at(made.json, "warnings")).toEqual([both("Explicit max TTL", 300), both("Period", 180)]);
  });

  it("a renewal uses the token role's current period, up to the token's own maximum", async () => {
    const { api, ask, done } = await withRole({ token_period: "3m" });
    const body = { policies: ["default"], explicit_max_ttl: "10m" };
    const token = textAt((await ask("POST", CREATE, body)).json, "auth", "client_token");
    await done("POST", ROLE, { token_period: "4m" });
    const renewed = async () =>
      at((await ask("POST", "auth/token/renew", { token })).json, "auth", "lease_duration");
    api.clock.nowMs += 120_000;
    expect(await renewed()).toBe(240);
    api.clock.nowMs += 200_000;
    expect(await renewed()).toBe(240);
    api.clock.nowMs += 200_000;
    expect(await renewed()).toBe(80);
  });

  it("a token cannot be renewed after its token role was deleted, but still works", async () => {
    const { ask, done } = await withRole({});
    const made = await ask("POST", CREATE, { policies: ["default"] });
    const token = textAt(made.json, "auth", "client_token");
    await done("DELETE", ROLE);
    const refused = await ask("POST", "auth/token/renew", { token });
    expect([refused.status, at(refused.json, "errors", 0)]).toEqual([
      400,
      '1 error occurred:\n\t* failed to renew entry: original token role "ops" could not be ' +
      "found, not renewing\n\n",
    ]);
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(200);
  });

  it("a token role's maximum TTL does not shorten its batch tokens", async () => {
    const { ask } = await withRole({
      token_type: "default-batch",
      token_explicit_max_ttl: "10m",
    });
    const made = await ask("POST", CREATE, { policies: ["default"] });
    expect(at(made.json, "auth")).toMatchObject({ token_type: "batch", lease_duration: 2_764_800 });
    const token = textAt(made.json, "auth", "client_token");
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(200);
  });
});

describe("entity aliases of a token role", () => {
  it("a token role allows its entity aliases in any letter case, and no others", async () => {
    const { ask } = await withRole({ allowed_entity_aliases: ["Ann", "b*"] });
    for (const alias of ["ANN", "bob"]) {
      expect((await ask("POST", CREATE, { entity_alias: alias })).status, alias).toBe(200);
    }
    const refused = await ask("POST", CREATE, { entity_alias: "carl" });
    expect(at(refused.json, "errors", 0)).toBe("invalid 'entity_alias' value");
  });
});

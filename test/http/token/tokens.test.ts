/** Creating tokens: policies, lifetimes, other fields, root tokens and orphans. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const CREATE = "auth/token/create";
const MAKER = 'path "auth/token/*" { capabilities = ["create", "read", "update"] }';
const SUDOER = 'path "auth/token/*" { capabilities = ["create", "read", "update", "sudo"] }';
/** The maximum TTL of a mount that sets none. */
const SYSTEM_MAX_SECONDS = 2_764_800;

type Ask = RootClient["ask"];

async function make(ask: Ask, body: object, token?: string): Promise<string> {
  const made = await ask("POST", CREATE, body, token);
  if (made.status !== 200) throw new Error(made.text);
  return textAt(made.json, "auth", "client_token");
}

async function refusal(ask: Ask, path: string, body: object, token?: string) {
  const { status, json } = await ask("POST", path, body, token);
  return [status, at(json, "errors", 0)];
}

async function policiesOf(ask: Ask, body: object, token?: string) {
  const made = await ask("POST", CREATE, body, token);
  return made.status === 200 ? at(made.json, "auth", "policies") : at(made.json, "errors", 0);
}

describe("policies of a new token", () => {
  it("a new token has the listed policies, and a text is one policy name", async () => {
    const { ask } = await openRootClient();
    expect(await policiesOf(ask, { policies: ["P ", "q", "p"] })).toEqual(["default", "p", "q"]);
    expect(await policiesOf(ask, { policies: "p,q" })).toEqual(["default", "p,q"]);
    expect(await policiesOf(ask, { policies: {} })).toEqual(["root"]);
  });

  it("a list with root gives root alone, and a list of empty names does not give root", async () => {
    const { ask } = await openRootClient();
    expect(await policiesOf(ask, { policies: ["root", "p"] })).toEqual(["root"]);
    expect(await policiesOf(ask, { policies: [""] })).toEqual(["default"]);
    expect(await policiesOf(ask, { policies: [null] })).toEqual(["default"]);
  });

  it("a child gets the default policy only if its parent has it or has sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    const bare = await tokenWith(MAKER, false);
    expect(await policiesOf(ask, { policies: ["rules-1"] }, bare)).toEqual(["rules-1"]);
    const usual = await tokenWith(MAKER);
    expect(await policiesOf(ask, { policies: ["rules-2"] }, usual)).toEqual(["default", "rules-2"]);
    const sudoer = await tokenWith(SUDOER, false);
    expect(await policiesOf(ask, { policies: ["rules-3"] }, sudoer))
      .toEqual(["default", "rules-3"]);
  });

  it("no_default_policy removes an inherited or listed default policy", async () => {
    const { ask, tokenWith } = await openRootClient();
    const usual = await tokenWith(MAKER);
    const unwanted = { no_default_policy: true };
    expect(await policiesOf(ask, unwanted, usual)).toEqual(["rules-1"]);
    expect(await policiesOf(ask, { ...unwanted, policies: ["default", "p"] })).toEqual(["p"]);
  });

  it("a child's policies must be a subset of its parent's, and only root can make root", async () => {
    const { ask, tokenWith } = await openRootClient();
    const maker = await tokenWith(MAKER, false);
    const subset = "child policies must be subset of parent";
    expect(await policiesOf(ask, { policies: ["default"] }, maker)).toBe(subset);
    expect(await policiesOf(ask, { policies: ["root"] }, maker)).toBe(subset);
    const sudoer = await tokenWith(SUDOER);
    expect(await policiesOf(ask, { policies: ["root", "p"] }, sudoer))
      .toBe("root tokens may not be created without parent token being root");
  });

  it("a new token cannot have response-wrapping or a policy name with a line break", async () => {
    const { ask } = await openRootClient();
    expect(await policiesOf(ask, { policies: ["p", "Response-Wrapping"] }))
      .toBe('cannot assign policy "response-wrapping"');
    expect(await policiesOf(ask, { policies: ["p\nq"] }))
      .toBe("policy names cannot contain line breaks");
  });

  it("a new token without policies has an empty list and no token_policies", async () => {
    const { ask } = await openRootClient();
    const made = await ask("POST", CREATE, { policies: [""], no_default_policy: true });
    expect(at(made.json, "auth", "policies")).toEqual([]);
    expect(at(made.json, "auth")).not.toHaveProperty("token_policies");
  });

  it("policies that do not exist are warned about after everything else", async () => {
    const { ask, done } = await openRootClient();
    await done("PUT", "sys/policies/acl/there", { policy: MAKER });
    const body = { policies: ["there", "z", "a"], ttl: "1000h", id: "mine" };
    const warnings = at((await ask("POST", CREATE, body)).json, "warnings");
    expect(warnings).toEqual([
      'TTL of "1000h" exceeded the effective max_ttl of "768h"; TTL value is capped accordingly',
      expect.stringContaining("Supplying a custom ID for the token uses the weaker SHA1 hashing"),
      'Policy "a" does not exist',
      'Policy "z" does not exist',
    ]);
  });
});

describe("root tokens", () => {
  it("a root token with an explicit maximum expires and cannot create one that does not", async () => {
    const { ask } = await openRootClient();
    const made = await ask("POST", CREATE, { explicit_max_ttl: "1h" });
    expect(at(made.json, "auth")).toMatchObject({ lease_duration: 3600, renewable: true });
    const token = textAt(made.json, "auth", "client_token");
    const endless = "expiring root tokens cannot create non-expiring root tokens";
    for (const body of [{}, { no_parent: true }]) {
      expect(await refusal(ask, CREATE, body, token)).toEqual([400, endless]);
    }
    expect(await refusal(ask, "auth/token/create-orphan", {}, token)).toEqual([400, endless]);
  });

  it("the initial root token has no issue time; other root tokens do", async () => {
    const { ask, root } = await openRootClient();
    const initial = await ask("POST", "auth/token/lookup", { token: root });
    for (const name of ["issue_time", "renewable"]) {
      expect(at(initial.json, "data")).not.toHaveProperty(name);
    }
    const other = await ask("GET", "auth/token/lookup-self", null, await make(ask, {}));
    expect(at(other.json, "data")).toMatchObject({
      issue_time: "2026-01-02T03:04:05.000Z",
      renewable: false,
      expire_time: null,
    });
  });

  it("a root token that never expires cannot be renewed", async () => {
    const { ask } = await openRootClient();
    expect(await refusal(ask, "auth/token/renew-self", {})).toEqual([400, "invalid lease ID"]);
    expect(await refusal(ask, "auth/token/renew-self", {}, await make(ask, {})))
      .toEqual([400, "lease is not renewable"]);
  });
});

describe("lifetime of a new token", () => {
  it.each([
    [{ ttl: "zz" }, 'time: invalid duration "zz"'],
    [{ ttl: 1.5 }, 'time: missing unit in duration "1.5"'],
    [{ lease: "-1h" }, "lease must be positive"],
    [{ ttl: -1 }, "ttl must be positive"],
    [{ period: "-1h" }, "period must be positive"],
    [{ explicit_max_ttl: "-1s" }, "explicit_max_ttl must be positive"],
  ])("a new token's lifetime %j is refused last, in Go's words", async (body, why) => {
    const { ask } = await openRootClient();
    expect(await refusal(ask, CREATE, body)).toEqual([400, why]);
    const early = { ...body, num_uses: -1, policies: ["response-wrapping"] };
    expect(await refusal(ask, CREATE, early))
      .toEqual([400, "number of uses cannot be negative"]);
  });

  it("the TTL of a new token may be a number, a boolean or a duration below one second", async () => {
    const { ask } = await openRootClient();
    const leases: unknown[] = [];
    for (const ttl of ["90", 90, true, "1d", "500ms"]) {
      const made = await ask("POST", CREATE, { policies: ["default"], ttl });
      leases.push(at(made.json, "auth", "lease_duration"));
    }
    expect(leases).toEqual([90, 90, 1, 86_400, 0]);
  });

  it("a new token's TTL and period are capped with a warning", async () => {
    const { ask } = await openRootClient();
    const capped = async (body: object) => {
      const { json } = await ask("POST", CREATE, { policies: ["default"], ...body });
      return [at(json, "auth", "lease_duration"), at(json, "warnings")];
    };
    const warning = (what: string, wanted: string, max: string, end = what) =>
      `${what} of "${wanted}" exceeded the effective max_ttl of "${max}"; ${end} value is capped ` +
      "accordingly";
    expect(await capped({ explicit_max_ttl: "1h" })).toEqual([3600, [
      warning("TTL", "768h", "1h"),
    ]]);
    expect(await capped({ period: "1000h" }))
      .toEqual([SYSTEM_MAX_SECONDS, [warning("period", "1000h", "768h")]]);
    expect(await capped({ period: "1h30m", explicit_max_ttl: "30m" }))
      .toEqual([1800, [warning("period", "1h30m", "30m")]]);
    expect(await capped({ ttl: "1h" })).toEqual([3600, null]);
  });
});

describe("other fields of a new token", () => {
  it("a display name has other characters replaced by dashes, and one final dash removed", async () => {
    const { ask } = await openRootClient();
    const nameOf = async (display_name: string) => {
      const token = await make(ask, { display_name });
      const shown = await ask("GET", "auth/token/lookup-self", null, token);
      return at(shown.json, "data", "display_name");
    };
    expect(await nameOf("--x--")).toBe("token---x-");
    expect(await nameOf("äö")).toBe("token--");
    expect(await nameOf("")).toBe("token");
  });

  it("a new token's metadata may be a map or name=value pairs, with simple values only", async () => {
    const { ask } = await openRootClient();
    const metaOf = async (meta: unknown) => {
      const made = await ask("POST", CREATE, { meta });
      return made.status === 200 ? at(made.json, "auth", "metadata") : made.status;
    };
    expect(await metaOf({ a: 1, constructor: true })).toEqual({ a: "1", constructor: "1" });
    expect(await metaOf("a=b=c")).toEqual({ a: "b=c" });
    expect(await metaOf(["a=b", "c="])).toEqual({ a: "b", c: "" });
    expect(await metaOf({})).toEqual({});
    expect(await metaOf(null)).toBeNull();
    for (const meta of [{ a: ["x"] }, { a: {} }, "x", ["=x"], 5, ["a=b", {}]]) {
      expect(await metaOf(meta), JSON.stringify(meta)).toBe(400);
    }
    const unknown = await ask("POST", CREATE, { metadata: { a: "b" } });
    expect(at(unknown.json, "auth", "metadata")).toBeNull();
  });

  it("a custom token id must not look like one of the vault's, and needs root or sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    const idRefusal = async (id: string) => (await refusal(ask, CREATE, { id }))[1];
    expect(await idRefusal("s.abc")).toBe("custom token ID cannot have the 's.' prefix");
    expect(await idRefusal("hvs.abc")).toBe("custom token ID cannot have the 'hvs.' prefix");
    for (const id of ["b.abc", "r.abc", "a.b", ".."]) {
      expect(await idRefusal(id)).toBe("custom token ID cannot have a '.' in the value");
    }
    const token = await make(ask, { id: "my/own", policies: ["default"] });
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(200);
    expect(await refusal(ask, CREATE, { id: "x" }, await tokenWith(MAKER)))
      .toEqual([400, "root or sudo privileges required to specify token id"]);
  });

  it("entity_alias is refused without a token role", async () => {
    const { ask } = await openRootClient();
    expect(await refusal(ask, CREATE, { entity_alias: "ann" }))
      .toEqual([400, "'entity_alias' is only allowed in combination with token role"]);
  });

  it("a batch token is refused with uses, a period, an explicit maximum or root", async () => {
    const { ask } = await openRootClient();
    const batch = async (body: object) =>
      (await refusal(ask, CREATE, { type: "batch", ...body }))[1];
    expect(await batch({ num_uses: 2 })).toBe('batch tokens cannot have "num_uses" set');
    expect(await batch({ period: "1h" })).toBe('batch tokens cannot have "period" set');
    expect(await batch({ explicit_max_ttl: "1h", policies: ["response-wrapping"] }))
      .toBe('batch tokens cannot have "explicit_max_ttl" set');
    expect(await batch({ period: "zz" })).toBe("'period' value could not be parsed");
    expect(await batch({})).toBe("batch tokens cannot be root tokens");
  });
});

describe("orphans", () => {
  it("create-orphan needs no sudo but keeps to the caller's policies; no_parent needs sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    const maker = await tokenWith(MAKER);
    const made = await ask("POST", "auth/token/create-orphan", {}, maker);
    expect(at(made.json, "auth", "orphan")).toBe(true);
    expect(await refusal(ask, "auth/token/create-orphan", { policies: ["p"] }, maker))
      .toEqual([400, "child policies must be subset of parent"]);
    expect(await refusal(ask, CREATE, { no_parent: true }, maker))
      .toEqual([400, "root or sudo privileges required to create orphan token"]);
  });

  it("revoke-orphan needs root or sudo and refuses batch tokens", async () => {
    const { ask, tokenWith } = await openRootClient();
    const path = "auth/token/revoke-orphan";
    const parent = await tokenWith(MAKER);
    expect(await refusal(ask, path, { token: parent }, await tokenWith(MAKER)))
      .toEqual([400, "root or sudo privileges required to revoke and orphan"]);
    const child = await make(ask, {}, parent);
    const done = await ask("POST", path, { token: parent }, await tokenWith(SUDOER));
    expect(done.status).toBe(204);
    expect((await ask("GET", "auth/token/lookup-self", null, child)).status).toBe(200);
    const batch = await make(ask, { type: "batch", policies: ["default"] });
    expect(await refusal(ask, path, { token: batch }))
      .toEqual([400, "batch tokens cannot be revoked"]);
  });
});

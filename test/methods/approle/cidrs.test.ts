/** Addresses that AppRole roles, secret ids and their tokens are bound to. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { type AddressedClient, openAddressedClient } from "../../http/addressed_client.ts";
import { listed, ROLE } from "./role_client.ts";

const INSIDE = "10.1.2.3";
const OUTSIDE = "11.1.2.3";

async function withRole(role: object) {
  const client = await openAddressedClient();
  await client.done("POST", "sys/auth/approle", { type: "approle" });
  await client.done("POST", ROLE, role);
  const read = await client.ask("GET", `${ROLE}/role-id`);
  const roleId = textAt(read.json, "data", "role_id");
  return {
    ...client,
    issue: async (body: object = {}) => await client.ask("POST", `${ROLE}/secret-id`, { body }),
    async secretId(body: object = {}) {
      const { json } = await client.ask("POST", `${ROLE}/secret-id`, { body });
      return textAt(json, "data", "secret_id");
    },
    async login(from: string | null, secretId?: string) {
      const body = { role_id: roleId, ...(secretId === undefined ? {} : { secret_id: secretId }) };
      return await client.ask("POST", "auth/approle/login", { body, token: null, from });
    },
  };
}

function elsewhere(address: string, why: string) {
  return { errors: [`source address "${address}" unauthorized ${why}`] };
}

/** The addresses that a login's token is bound to, or the status of its lookup. */
async function boundsOf({ ask }: AddressedClient, login: { readonly json: unknown }, from: string) {
  const token = textAt(login.json, "auth", "client_token");
  const answer = await ask("GET", "auth/token/lookup-self", { token, from });
  return answer.status === 200 ? at(answer.json, "data", "bound_cidrs") : answer.status;
}

const BY_ROLE = "by CIDR restrictions on the role";
const BY_SECRET_ID = "through CIDR restrictions on the secret ID";

describe("roles with bound addresses", () => {
  it("a role with bound addresses refuses logins from elsewhere and counts no use", async () => {
    const { secretId, login } = await withRole({
      secret_id_bound_cidrs: ["10.0.0.0/8", "2001:db8::/32"],
      secret_id_num_uses: 2,
    });
    const id = await secretId();
    for (const from of [OUTSIDE, "2001:db9::1", "::ffff:11.0.0.1"]) {
      const refused = await login(from, id);
      expect([refused.status, refused.json]).toEqual([400, elsewhere(from, BY_ROLE)]);
    }
    const unknown = await login(null, id);
    expect([unknown.status, unknown.json]).toEqual([400, {
      errors: ["failed to get connection information"],
    }]);
    expect((await login(`::ffff:${INSIDE}`, id)).status).toBe(200);
    expect((await login("2001:db8::1", id)).status).toBe(200);
    expect((await login(INSIDE, id)).json).toEqual({ errors: ["invalid role or secret ID"] });
  });

  it("a role does not reveal its bound addresses without a valid secret id", async () => {
    const { login } = await withRole({ secret_id_bound_cidrs: "10.0.0.0/8" });
    expect((await login(OUTSIDE, "none")).json).toEqual({ errors: ["invalid role or secret ID"] });
    expect((await login(OUTSIDE)).json).toEqual({ errors: ["missing secret_id"] });
  });

  it("a role shows its bound addresses, also if set by the deprecated name", async () => {
    const { ask, done } = await withRole({ bound_cidr_list: "10.0.0.5/32" });
    const bounds = async () => at((await ask("GET", ROLE)).json, "data", "secret_id_bound_cidrs");
    expect(await bounds()).toEqual(["10.0.0.5/32"]);
    await done("POST", ROLE, { secret_id_bound_cidrs: [] });
    expect(await bounds()).toEqual([]);
    await done("DELETE", `${ROLE}/secret-id-bound-cidrs`);
    expect(await bounds()).toBeNull();
  });

  it.each(["10.0.0.1", "nope", "10.0.0.0/33"])("a role cannot be bound to %s", async (sent) => {
    const { ask } = await withRole({});
    const answer = await ask("POST", ROLE, { body: { secret_id_bound_cidrs: sent } });
    const why = `failed to validate CIDR blocks: invalid CIDR address: ${sent}`;
    expect([answer.status, answer.json]).toEqual([400, listed(why)]);
  });
});

describe("secret ids with bound addresses", () => {
  it("a secret id with bound addresses is refused elsewhere and loses no use", async () => {
    const { secretId, login } = await withRole({ secret_id_bound_cidrs: "10.0.0.0/8" });
    const id = await secretId({ cidr_list: "10.1.0.0/16", num_uses: 1 });
    const refused = await login("10.2.0.1", id);
    expect([refused.status, refused.json]).toEqual([400, elsewhere("10.2.0.1", BY_SECRET_ID)]);
    expect((await login(INSIDE, id)).status).toBe(200);
    expect((await login(INSIDE, id)).status).toBe(400);
  });

  it("a secret id's addresses must be within its role's when issued and when used", async () => {
    const { done, issue, secretId, login } = await withRole({
      secret_id_bound_cidrs: "10.0.0.0/8",
      token_bound_cidrs: "10.0.0.0/8",
    });
    const wider = (roles: string, own: string) =>
      `failed to verify subset relationship between CIDR blocks on the role ["${roles}"] and ` +
      `CIDR blocks on the secret ID ["${own}"]`;
    for (const name of ["cidr_list", "token_bound_cidrs"]) {
      const answer = await issue({ [name]: "11.0.0.0/8" });
      const why = wider("10.0.0.0/8", "11.0.0.0/8");
      expect([answer.status, answer.json]).toEqual([400, listed(why)]);
    }
    const id = await secretId({ cidr_list: "10.1.0.0/16" });
    await done("POST", ROLE, { secret_id_bound_cidrs: "10.2.0.0/16" });
    const why = wider("10.2.0.0/16", "10.1.0.0/16");
    expect((await login(INSIDE, id)).json).toEqual({ errors: [why] });
  });

  it("a secret id cannot be bound to an address without a prefix length", async () => {
    const { issue } = await withRole({});
    const why = (what: string) =>
      listed(`failed to validate ${what}: invalid CIDR address: 10.0.0.1`);
    expect((await issue({ cidr_list: "10.0.0.1" })).json).toEqual(why("CIDR blocks"));
    expect((await issue({ token_bound_cidrs: "10.0.0.1" })).json).toEqual(why("token CIDR blocks"));
  });

  it("a secret id's lookup shows its bound addresses", async () => {
    const { ask, secretId } = await withRole({});
    const body = { cidr_list: "10.1.0.0/16", token_bound_cidrs: "10.1.1.5/24" };
    const id = await secretId(body);
    const shown = await ask("POST", `${ROLE}/secret-id/lookup`, { body: { secret_id: id } });
    expect(at(shown.json, "data")).toMatchObject({
      cidr_list: ["10.1.0.0/16"],
      token_bound_cidrs: ["10.1.1.5/24"],
    });
  });
});

describe("bound AppRole tokens", () => {
  it("an AppRole token has the bounds of its secret id, or else of its role", async () => {
    const client = await withRole({ token_bound_cidrs: "10.0.0.0/8" });
    const wide = await client.login(OUTSIDE, await client.secretId());
    expect(await boundsOf(client, wide, OUTSIDE)).toBe(403);
    expect(await boundsOf(client, wide, INSIDE)).toEqual(["10.0.0.0/8"]);
    const id = await client.secretId({ token_bound_cidrs: "10.1.2.3/32" });
    const narrow = await client.login(OUTSIDE, id);
    expect(await boundsOf(client, narrow, "10.1.2.4")).toBe(403);
    expect(await boundsOf(client, narrow, INSIDE)).toEqual(["10.1.2.3"]);
  });

  it("a role's strict binding applies unless the secret id has token bounds", async () => {
    const client = await withRole({ token_strictly_bind_ip: true });
    const strict = await client.login(INSIDE, await client.secretId());
    expect(await boundsOf(client, strict, INSIDE)).toEqual([INSIDE]);
    expect(await boundsOf(client, strict, OUTSIDE)).toBe(403);
    const id = await client.secretId({ token_bound_cidrs: "11.0.0.0/8" });
    const own = await client.login(INSIDE, id);
    expect(await boundsOf(client, own, OUTSIDE)).toEqual(["11.0.0.0/8"]);
    const lost = await client.login(null, await client.secretId());
    expect([lost.status, lost.json]).toEqual([403, { errors: ["permission denied"] }]);
  });
});

describe("roles without secret ids", () => {
  it("a role without secret ids allows logins by role id from its addresses", async () => {
    const client = await withRole({
      bind_secret_id: false,
      secret_id_bound_cidrs: "10.0.0.0/8",
    });
    expect((await client.login(OUTSIDE)).json).toEqual(elsewhere(OUTSIDE, BY_ROLE));
    expect((await client.login(null)).status).toBe(400);
    const inside = await client.login(INSIDE);
    expect(at(inside.json, "auth", "metadata")).toEqual({ role_name: "ci" });
    expect((await client.login(INSIDE, "whatever")).status).toBe(200);
  });

  it("a role without secret ids may bind only its tokens", async () => {
    const client = await withRole({ bind_secret_id: false, token_bound_cidrs: "10.0.0.0/8" });
    const answer = await client.login(OUTSIDE);
    expect(await boundsOf(client, answer, OUTSIDE)).toBe(403);
    expect(await boundsOf(client, answer, INSIDE)).toEqual(["10.0.0.0/8"]);
  });

  it("a role without secret ids does not issue any", async () => {
    const client = await withRole({ bind_secret_id: false, token_bound_cidrs: "10.0.0.0/8" });
    const answer = await client.issue();
    expect([answer.status, answer.json]).toEqual([400, {
      errors: ["bind_secret_id is not set on the role"],
    }]);
  });

  it("a role without secret ids cannot lose its last bound", async () => {
    const { ask } = await withRole({ bind_secret_id: false, token_bound_cidrs: "10.0.0.0/8" });
    const unbound = listed("at least one constraint should be enabled on the role");
    const strict = { token_bound_cidrs: "", token_strictly_bind_ip: true };
    for (const body of [{ token_bound_cidrs: "" }, strict]) {
      const answer = await ask("POST", ROLE, { body });
      expect([answer.status, answer.json]).toEqual([400, unbound]);
    }
    expect((await ask("DELETE", `${ROLE}/token-bound-cidrs`)).json).toEqual(unbound);
    const role = await ask("GET", ROLE);
    expect(at(role.json, "data", "token_bound_cidrs")).toEqual(["10.0.0.0/8"]);
  });
});

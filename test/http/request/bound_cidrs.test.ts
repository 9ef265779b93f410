/** Bound addresses of users, tokens and token roles: from where a login and its token are accepted. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { type AddressedClient, openAddressedClient } from "../addressed_client.ts";

const DENIED = { errors: ["permission denied"] };
const USER = "auth/userpass/users/ann";
const TOKEN_ROLE = "auth/token/roles/ops";
const INSIDE = "10.1.2.3";
const OUTSIDE = "11.1.2.3";

function badAddress(address: string): string {
  return `error parsing address "${address}": Unable to convert "${address}" to an IPv4 or IPv6 ` +
    "address, or a UNIX Socket";
}

async function withAnn(user: object): Promise<AddressedClient> {
  const client = await openAddressedClient();
  await client.done("POST", "sys/auth/userpass", { type: "userpass" });
  await client.done("POST", USER, { password: "p", ...user });
  return client;
}

async function loginAnn({ ask }: AddressedClient, from: string | null) {
  return await ask("POST", "auth/userpass/login/ann", {
    body: { password: "p" },
    token: null,
    from,
  });
}

async function lookup({ ask }: AddressedClient, token: string, from: string | null) {
  return await ask("GET", "auth/token/lookup-self", { token, from });
}

/** The token in an answer that made one. */
function tokenOf(answer: { readonly json: unknown }): string {
  return textAt(answer.json, "auth", "client_token");
}

/** The statuses when a token is used from inside, outside and an unknown address. */
async function uses(client: AddressedClient, token: string): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (const from of [INSIDE, OUTSIDE, null]) {
    statuses.push((await lookup(client, token, from)).status);
  }
  return statuses;
}

describe("users with bound addresses", () => {
  it("a user with bound addresses can log in, and use the token, only from those", async () => {
    const client = await withAnn({ token_bound_cidrs: ["10.0.0.5/8", "::1"] });
    for (const from of [OUTSIDE, null, "nowhere"]) {
      const refused = await loginAnn(client, from);
      expect([refused.status, refused.json], String(from)).toEqual([403, DENIED]);
    }
    const token = tokenOf(await loginAnn(client, `::ffff:${INSIDE}`));
    expect(await uses(client, token)).toEqual([200, 403, 403]);
    expect((await lookup(client, token, "::1")).status).toBe(200);
    const refused = await lookup(client, token, OUTSIDE);
    expect(refused.json).toEqual(DENIED);
    const shown = await lookup(client, token, INSIDE);
    expect(at(shown.json, "data", "bound_cidrs")).toEqual(["10.0.0.5/8", "::1"]);
  });

  it("a wrong password gets the same error from outside a user's bound addresses", async () => {
    const client = await withAnn({ token_bound_cidrs: "10.0.0.0/8" });
    const body = { password: "wrong" };
    const asked = { body, token: null, from: OUTSIDE };
    const answer = await client.ask("POST", "auth/userpass/login/ann", asked);
    expect(answer.json).toEqual({ errors: ["invalid username or password"] });
  });

  it("a user's bound addresses are shown in normal form and can be removed", async () => {
    const { ask, done } = await withAnn({ bound_cidrs: "10.0.0.1/32, 2001:DB8::/32" });
    const bounds = async () => at((await ask("GET", USER)).json, "data", "token_bound_cidrs");
    expect(await bounds()).toEqual(["10.0.0.1", "2001:db8::/32"]);
    await done("POST", USER, { token_ttl: 60 });
    expect(await bounds()).toEqual(["10.0.0.1", "2001:db8::/32"]);
    await done("POST", USER, { token_bound_cidrs: "" });
    expect(await bounds()).toEqual([]);
  });

  it("a user cannot be bound to a text that is not an address", async () => {
    const { ask } = await withAnn({});
    const body = { token_bound_cidrs: ["10.0.0.0/8", "10.0.0.0/33"] };
    const answer = await ask("POST", USER, { body });
    expect([answer.status, answer.json]).toEqual([400, { errors: [badAddress("10.0.0.0/33")] }]);
  });

  it("a user without bound addresses can log in from anywhere", async () => {
    const client = await withAnn({});
    const token = tokenOf(await loginAnn(client, null));
    expect(await uses(client, token)).toEqual([200, 200, 200]);
    const shown = await lookup(client, token, null);
    expect(at(shown.json, "data")).not.toHaveProperty("bound_cidrs");
  });

  it("a login is refused if its bounds make the batch token too long to read again", async () => {
    const many = Array.from({ length: 300 }, (_, index) => `10.0.${index % 256}.0/24`);
    const client = await withAnn({ token_bound_cidrs: many, token_type: "batch" });
    const answer = await loginAnn(client, "10.0.1.1");
    expect([answer.status, answer.json]).toEqual([400, {
      errors: ["batch token would be longer than 4096 characters"],
    }]);
  });
});

describe("strictly bound tokens", () => {
  it("a strictly bound token works only from the address that logged in", async () => {
    const client = await withAnn({ token_strictly_bind_ip: true });
    const token = tokenOf(await loginAnn(client, INSIDE));
    expect(await uses(client, token)).toEqual([200, 403, 403]);
    expect((await lookup(client, token, "10.1.2.4")).status).toBe(403);
    const shown = await lookup(client, token, INSIDE);
    expect(at(shown.json, "data", "bound_cidrs")).toEqual([INSIDE]);
    const user = await client.ask("GET", USER);
    expect(at(user.json, "data", "token_strictly_bind_ip")).toBe(true);
  });

  it("a user with strictly bound tokens cannot log in from an unknown address", async () => {
    const answer = await loginAnn(await withAnn({ token_strictly_bind_ip: true }), null);
    expect([answer.status, answer.json]).toEqual([403, DENIED]);
  });

  it("token_strictly_bind_ip and token_bound_cidrs cannot be set together", async () => {
    const { ask } = await withAnn({ token_strictly_bind_ip: true });
    const answer = await ask("POST", USER, { body: { token_bound_cidrs: "10.0.0.0/8" } });
    expect([answer.status, answer.json]).toEqual([400, {
      errors: ["'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one"],
    }]);
  });
});

describe("bound tokens", () => {
  it("a bound token loses no use when it is refused", async () => {
    const client = await withAnn({ token_bound_cidrs: "10.0.0.0/8", token_num_uses: 2 });
    const token = tokenOf(await loginAnn(client, INSIDE));
    for (const _try of [1, 2, 3]) expect((await lookup(client, token, OUTSIDE)).status).toBe(403);
    const statuses: number[] = [];
    for (const _use of [1, 2, 3]) statuses.push((await lookup(client, token, INSIDE)).status);
    expect(statuses).toEqual([200, 200, 403]);
  });

  it("a batch token keeps its bounds when the user's bounds are removed", async () => {
    const client = await withAnn({ token_bound_cidrs: "10.0.0.0/8", token_type: "batch" });
    const token = tokenOf(await loginAnn(client, INSIDE));
    expect(token).toMatch(/^b\./);
    await client.done("POST", USER, { token_bound_cidrs: "" });
    expect(await uses(client, token)).toEqual([200, 403, 403]);
  });

  it("a bound token is refused on raw endpoints too", async () => {
    const client = await openAddressedClient();
    await client.done("POST", TOKEN_ROLE, { token_bound_cidrs: "10.0.0.0/8" });
    const made = await client.ask("POST", "auth/token/create/ops", { body: { ttl: "1h" } });
    const token = tokenOf(made);
    const seal = async (from: string) => await client.ask("PUT", "sys/seal", { token, from });
    expect((await seal(OUTSIDE)).status).toBe(403);
    const status = await client.ask("GET", "sys/seal-status", { token: null });
    expect(at(status.json, "sealed")).toBe(false);
    expect((await seal(INSIDE)).status).toBe(204);
  });

  it("a bound token stays bound when it is renewed", async () => {
    const client = await withAnn({ token_bound_cidrs: "10.0.0.0/8" });
    const token = tokenOf(await loginAnn(client, INSIDE));
    const renewed = await client.ask("POST", "auth/token/renew-self", { token, from: INSIDE });
    expect(renewed.status).toBe(200);
    expect(await uses(client, token)).toEqual([200, 403, 403]);
  });
});

describe("children of bound tokens", () => {
  /** A token that may create others, bound to 10.0.0.0/8. */
  async function withParent() {
    const client = await openAddressedClient();
    const policy = 'path "auth/token/*" { capabilities = ["create", "update", "sudo"] }';
    await client.done("PUT", "sys/policies/acl/makers", { policy });
    await client.done("POST", TOKEN_ROLE, { token_bound_cidrs: "10.0.0.0/8" });
    const body = { policies: ["makers"] };
    const parent = tokenOf(await client.ask("POST", "auth/token/create/ops", { body }));
    const child = async (path: string, wanted: object = {}) => {
      const asked = { body: wanted, token: parent, from: INSIDE };
      return await client.ask("POST", `auth/token/${path}`, asked);
    };
    return { client, child };
  }

  it("a child of a bound token has the same bounds, as a service or batch token", async () => {
    const { client, child } = await withParent();
    for (const type of ["service", "batch"]) {
      const token = tokenOf(await child("create", { type }));
      expect(await uses(client, token), type).toEqual([200, 403, 403]);
    }
  });

  it("an orphan made by a bound token is not bound", async () => {
    const { client, child } = await withParent();
    const orphans = [await child("create-orphan"), await child("create", { no_parent: true })];
    for (const orphan of orphans) {
      expect(await uses(client, tokenOf(orphan))).toEqual([200, 200, 200]);
    }
  });

  it("a token made by a role has the role's bounds, not its parent's", async () => {
    const { client, child } = await withParent();
    await client.done("POST", "auth/token/roles/elsewhere", { token_bound_cidrs: "11.0.0.0/8" });
    await client.done("POST", "auth/token/roles/free", {});
    expect(await uses(client, tokenOf(await child("create/elsewhere")))).toEqual([403, 200, 403]);
    expect(await uses(client, tokenOf(await child("create/free")))).toEqual([200, 200, 200]);
  });
});

describe("root tokens with bounds", () => {
  it("a root token that never expires is not bound by its role", async () => {
    const client = await openAddressedClient();
    await client.done("POST", TOKEN_ROLE, { token_bound_cidrs: "10.0.0.0/8" });
    const endless = tokenOf(await client.ask("POST", "auth/token/create/ops", {}));
    expect(await uses(client, endless)).toEqual([200, 200, 200]);
  });

  it("a root token that expires is bound, and so are its children", async () => {
    const client = await openAddressedClient();
    await client.done("POST", TOKEN_ROLE, { token_bound_cidrs: "10.0.0.0/8" });
    const made = await client.ask("POST", "auth/token/create/ops", { body: { ttl: "1h" } });
    const token = tokenOf(made);
    expect(await uses(client, token)).toEqual([200, 403, 403]);
    const child = async (body: object) =>
      await client.ask("POST", "auth/token/create", { body, token, from: INSIDE });
    const endless = await child({});
    expect([endless.status, endless.json]).toEqual([400, {
      errors: ["expiring root tokens cannot create non-expiring root tokens"],
    }]);
    expect(await uses(client, tokenOf(await child({ ttl: "1h" })))).toEqual([200, 403, 403]);
  });
});

describe("token role bounds", () => {
  it("a token role shows its bounds, whether bound_cidrs or token_bound_cidrs was sent", async () => {
    const { ask, done } = await openAddressedClient();
    const bounds = async () => at((await ask("GET", TOKEN_ROLE)).json, "data", "token_bound_cidrs");
    await done("POST", TOKEN_ROLE, { bound_cidrs: "10.0.0.1/32" });
    expect(await bounds()).toEqual(["10.0.0.1"]);
    const both = { bound_cidrs: "11.0.0.0/8", token_bound_cidrs: "12.0.0.0/8" };
    const written = await ask("POST", TOKEN_ROLE, { body: both });
    expect(at(written.json, "warnings", 0)).toContain("ignoring the deprecated value");
    expect(await bounds()).toEqual(["12.0.0.0/8"]);
    await done("POST", TOKEN_ROLE, { renewable: false });
    expect(await bounds()).toEqual(["12.0.0.0/8"]);
  });

  it("a token role's error says which field had the bad address", async () => {
    const { ask } = await openAddressedClient();
    const refused = async (body: object) => (await ask("POST", TOKEN_ROLE, { body })).json;
    expect(await refused({ token_bound_cidrs: "nope" }))
      .toEqual({ errors: [`error parsing role fields: ${badAddress("nope")}`] });
    expect(await refused({ bound_cidrs: "nope" }))
      .toEqual({ errors: [`error parsing bound_cidrs: ${badAddress("nope")}`] });
  });
});

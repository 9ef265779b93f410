import { describe, expect, it } from "vitest";
import { at, textAt, UNSUPPORTED_OPERATION, UNSUPPORTED_PATH } from "../contract/api.contract.ts";
import { openRootClient, type RootClient } from "./root_client.ts";

const WRONG = { errors: ["invalid username or password"] };
const HOUR = 3600;

async function withAnn(user: object = {}): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/userpass", { type: "userpass" });
  const body = { password: "correct horse", token_policies: "Readers,writers", ...user };
  await client.done("POST", "auth/userpass/users/ann", body);
  return client;
}

async function login({ ask }: RootClient, password = "correct horse", user = "ann") {
  return await ask("POST", `auth/userpass/login/${user}`, { password }, null);
}

describe("a login with the right password", () => {
  it("answers an orphan token with the user's policies, named after the user", async () => {
    const client = await withAnn({ token_ttl: "1h" });
    const answer = await login(client);
    expect(answer.status).toBe(200);
    expect(at(answer.json, "data")).toBeNull();
    expect(at(answer.json, "auth")).toMatchObject({
      policies: ["default", "readers", "writers"],
      token_policies: ["default", "readers", "writers"],
      metadata: { username: "ann" },
      lease_duration: HOUR,
      renewable: true,
      token_type: "service",
      orphan: true,
    });
    const token = textAt(answer.json, "auth", "client_token");
    const self = await client.ask("GET", "auth/token/lookup-self", null, token);
    expect(at(self.json, "data")).toMatchObject({
      display_name: "userpass-ann",
      path: "auth/userpass/login/ann",
      meta: { username: "ann" },
      orphan: true,
      ttl: HOUR,
    });
  });

  it("needs no token, and does not look at a bad one", async () => {
    const client = await withAnn();
    const body = { password: "correct horse" };
    const answer = await client.ask("PUT", "auth/userpass/login/ann", body, "s.nonsense");
    expect(answer.status).toBe(200);
  });

  it("takes the name in any case", async () => {
    const answer = await login(await withAnn(), "correct horse", "ANN");
    expect(at(answer.json, "auth", "metadata")).toEqual({ username: "ann" });
  });

  it("can be wrapped", async () => {
    const client = await withAnn();
    const wrapped = await client.api.request("POST", "/v1/auth/userpass/login/ann", {
      body: { password: "correct horse" },
      headers: { "X-Vault-Wrap-TTL": "60" },
    });
    expect(at(wrapped.json, "auth")).toBeNull();
    const token = textAt(wrapped.json, "wrap_info", "token");
    const opened = await client.ask("POST", "sys/wrapping/unwrap", null, token);
    expect(at(opened.json, "auth", "metadata")).toEqual({ username: "ann" });
  });

  it("works after a restart", async () => {
    const client = await withAnn();
    await client.api.restart();
    await client.ask("PUT", "sys/unseal", { key: client.shares[0] }, null);
    expect((await login(client)).status).toBe(200);
  });
});

describe("a login that fails", () => {
  it("is the same for a wrong password and an unknown user", async () => {
    const client = await withAnn();
    const wrong = await login(client, "incorrect horse");
    const unknown = await login(client, "correct horse", "bob");
    expect([wrong.status, wrong.json]).toEqual([400, WRONG]);
    expect([unknown.status, unknown.text]).toEqual([400, wrong.text]);
  });

  it("without a password is the caller's mistake", async () => {
    const { ask } = await withAnn();
    const answer = await ask("POST", "auth/userpass/login/ann", {}, null);
    expect([answer.status, answer.json]).toEqual([400, { errors: ["missing password"] }]);
  });

  it("of a user with the root policy makes no token", async () => {
    const answer = await login(await withAnn({ token_policies: "root" }));
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual({ errors: ["auth methods cannot create root tokens"] });
  });

  it("has no password in any log line", async () => {
    const client = await withAnn();
    await login(client, "incorrect horse");
    expect(client.api.log.join("\n")).not.toContain("horse");
  });

  it("by GET is no operation, and leaves the user's record alone", async () => {
    const { ask } = await withAnn();
    const answer = await ask("GET", "auth/userpass/login/ann", null, null);
    expect([answer.status, answer.json]).toEqual([405, UNSUPPORTED_OPERATION]);
  });
});

describe("users", () => {
  it("are shown without their password, and listed", async () => {
    const { ask } = await withAnn({ token_max_ttl: "2h", token_num_uses: "3" });
    const read = await ask("GET", "auth/userpass/users/Ann");
    expect(at(read.json, "data")).toEqual({
      token_bound_cidrs: [],
      token_explicit_max_ttl: 0,
      token_max_ttl: 2 * HOUR,
      token_no_default_policy: false,
      token_num_uses: 3,
      token_period: 0,
      token_policies: ["Readers", "writers"],
      token_strictly_bind_ip: false,
      token_ttl: 0,
      token_type: "default",
    });
    const list = await ask("LIST", "auth/userpass/users");
    expect(at(list.json, "data")).toEqual({ keys: ["ann"] });
  });

  it("keep what a change does not name", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/ann", { token_ttl: 60 });
    const answer = await login(client);
    expect(at(answer.json, "auth", "lease_duration")).toBe(60);
    expect(at(answer.json, "auth", "policies")).toEqual(["default", "readers", "writers"]);
  });

  it("need a password to be made, and only then", async () => {
    const { ask } = await withAnn();
    const answer = await ask("POST", "auth/userpass/users/bob", { token_policies: "a" });
    expect([answer.status, answer.json]).toEqual([400, { errors: ["missing password"] }]);
  });

  it("get another password, and the old one ends", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/ann/password", { password: "staple" });
    expect((await login(client)).status).toBe(400);
    expect((await login(client, "staple")).status).toBe(200);
  });

  it("get other policies", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/ann/policies", { policies: "auditors" });
    const answer = await login(client);
    expect(at(answer.json, "auth", "policies")).toEqual(["auditors", "default"]);
  });

  it("who do not exist cannot be changed in part", async () => {
    const { ask } = await withAnn();
    for (const [field, body] of [["password", { password: "x" }], ["policies", {}]] as const) {
      const answer = await ask("POST", `auth/userpass/users/bob/${field}`, body);
      expect([answer.status, answer.json]).toEqual([400, {
        errors: ["username does not exist"],
      }]);
    }
  });

  it("log in no more once they are deleted", async () => {
    const client = await withAnn();
    await client.done("DELETE", "auth/userpass/users/ann");
    expect((await login(client)).json).toEqual(WRONG);
    expect((await client.ask("GET", "auth/userpass/users/ann")).status).toBe(404);
    expect((await client.ask("LIST", "auth/userpass/users")).status).toBe(404);
  });

  it("with rules that could not hold are refused", async () => {
    const { ask } = await withAnn();
    const bodies = [
      { token_bound_cidrs: "10.0.0.0/33" },
      { token_bound_cidrs: "10.0.0.0/8", token_strictly_bind_ip: true },
      { password_hash: "$2a$10$abc" },
      { token_type: "sometimes" },
      { token_type: "batch", token_num_uses: 1 },
      { token_ttl: "2h", token_max_ttl: "1h" },
      { token_ttl: "soon" },
      { password: "x".repeat(5000) },
    ];
    const statuses = await Promise.all(
      bodies.map(async (body) => (await ask("POST", "auth/userpass/users/ann", body)).status),
    );
    expect(statuses).toEqual(bodies.map(() => 400));
  });

  it("have names like Vault's, and nothing else is served below them", async () => {
    const { ask } = await withAnn();
    for (const path of ["users/a%20b", "users/-a", "users/ann/x", "nothing", "login/ann/x"]) {
      const answer = await ask("POST", `auth/userpass/${path}`, { password: "x" });
      expect([answer.status, answer.json], path).toEqual([404, UNSUPPORTED_PATH]);
    }
  });

  it("are made with `create` and changed with `update`", async () => {
    const { ask, tokenWith } = await withAnn();
    const maker = await tokenWith('path "auth/userpass/users/*" { capabilities = ["create"] }');
    const body = { password: "x" };
    expect((await ask("POST", "auth/userpass/users/bob", body, maker)).status).toBe(204);
    expect((await ask("POST", "auth/userpass/users/bob", body, maker)).status).toBe(403);
    expect((await ask("POST", "auth/userpass/users/eve", body, null)).status).toBe(403);
  });
});

describe("requests on users", () => {
  it("are told of fields that nobody reads", async () => {
    const client = await withAnn();
    const body = { password: "correct horse", passwort: "x", username: "eve" };
    const answer = await client.ask("POST", "auth/userpass/login/ann", body, null);
    expect(at(answer.json, "warnings")).toEqual([
      "Endpoint ignored these unrecognized parameters: [passwort]",
      "Endpoint replaced the value of these parameters with the values captured from the " +
      "endpoint's path: [username]",
    ]);
    expect(at(answer.json, "auth", "metadata")).toEqual({ username: "ann" });
  });

  it("name the field that cannot be read", async () => {
    const { ask } = await withAnn();
    const user = await ask("POST", "auth/userpass/users/ann", { token_ttl: [] });
    const errors = (prefix: string, field: string, wanted: string) => ({
      errors: [
        `${prefix}error converting input for field "${field}": expected ${wanted}, got list`,
      ],
    });
    expect([user.status, user.json]).toEqual([400, errors("", "token_ttl", "a duration")]);
    const password = await ask("POST", "auth/userpass/users/ann/password", { password: [] });
    expect(password.json).toEqual(errors("Field validation failed: ", "password", "text"));
  });

  it("list a page of them", async () => {
    const { ask, done } = await withAnn();
    for (const name of ["bob", "eve"]) {
      await done("POST", `auth/userpass/users/${name}`, { password: "x" });
    }
    const page = await ask("GET", "auth/userpass/users?list=true&after=ann&limit=1");
    expect(at(page.json, "data", "keys")).toEqual(["bob"]);
    expect((await ask("LIST", "auth/userpass/users?after=eve")).status).toBe(404);
  });
});

describe("the token of a login", () => {
  async function renewed({ ask }: RootClient, token: string, increment = 0) {
    return await ask("POST", "auth/token/renew-self", { increment }, token);
  }

  it("is renewed by what the user's rules say now, up to their maximum", async () => {
    const client = await withAnn({ token_ttl: "1h", token_max_ttl: "2h" });
    const token = textAt((await login(client)).json, "auth", "client_token");
    client.api.clock.nowMs += 30 * 60 * 1000;
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(HOUR);
    await client.done("POST", "auth/userpass/users/ann", { token_ttl: "30m" });
    expect(at((await renewed(client, token)).json, "auth", "lease_duration")).toBe(HOUR / 2);
    const long = await renewed(client, token, 10 * HOUR);
    expect(at(long.json, "auth", "lease_duration")).toBe(1.5 * HOUR);
    expect(at(long.json, "warnings")).toEqual([
      'TTL of "10h0m0s" exceeded the effective max_ttl of "1h30m0s"; TTL value is capped ' +
      "accordingly",
    ]);
  });

  it("is not renewed once the user has other policies or is gone", async () => {
    const client = await withAnn();
    const token = textAt((await login(client)).json, "auth", "client_token");
    await client.done("POST", "auth/userpass/users/ann/policies", { policies: "auditors" });
    const changed = await renewed(client, token);
    expect([changed.status, changed.json]).toEqual([400, {
      errors: ["policies have changed, not renewing"],
    }]);
    await client.done("DELETE", "auth/userpass/users/ann");
    expect((await renewed(client, token)).status).toBe(400);
  });

  it("is periodic, use-limited or a batch token as the user's rules say", async () => {
    const client = await withAnn({ token_period: "10m" });
    const periodic = textAt((await login(client)).json, "auth", "client_token");
    expect(at((await renewed(client, periodic, 5 * HOUR)).json, "auth", "lease_duration")).toBe(
      600,
    );
    await client.done("POST", "auth/userpass/users/ann", { token_period: 0, token_num_uses: 1 });
    const single = textAt((await login(client)).json, "auth", "client_token");
    const statuses: number[] = [];
    for (const _use of [1, 2]) {
      statuses.push((await client.ask("GET", "auth/token/lookup-self", null, single)).status);
    }
    expect(statuses).toEqual([200, 403]);
    await client.done("POST", "auth/userpass/users/ann", {
      token_num_uses: 0,
      token_type: "batch",
    });
    const batch = await login(client);
    expect(at(batch.json, "auth")).toMatchObject({ token_type: "batch", renewable: false });
  });
});

/** Userpass users: how they are written, shown, changed and deleted, and what is refused. */

import { describe, expect, it } from "vitest";
import { at, UNSUPPORTED_PATH } from "../../contract/api.contract.ts";
import { login, withAnn } from "./user_client.ts";

const WRONG = { errors: ["invalid username or password"] };
const HOUR = 3600;

describe("users", () => {
  it("a user is listed, and shown without their password", async () => {
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

  it("changing one field of a user keeps the others", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/ann", { token_ttl: 60 });
    const answer = await login(client);
    expect(at(answer.json, "auth", "lease_duration")).toBe(60);
    expect(at(answer.json, "auth", "policies")).toEqual(["default", "readers", "writers"]);
  });

  it("creating a user needs a password, and changing other fields does not", async () => {
    const { ask } = await withAnn();
    const none = { errors: ["must provide either password or password_hash"] };
    const answer = await ask("POST", "auth/userpass/users/bob", { token_policies: "a" });
    expect([answer.status, answer.json]).toEqual([400, none]);
    expect((await ask("POST", "auth/userpass/users/ann/password", {})).json).toEqual(none);
  });

  it("a password_hash is refused with the reason", async () => {
    const { ask } = await withAnn();
    const rest = "N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";
    const refusals = [
      ["x", "password_hash is not a valid bcrypt hash"],
      [`$2a$32$${rest}`, "password_hash is not a valid bcrypt hash"],
      [`$2a$10$${rest.slice(1)}`, "password_hash is not a valid bcrypt hash"],
      [`$2y$04$${rest}`, "bcrypt cost of 4 is too low, want 5 at minimum"],
      [`$2b$13$${rest}`, "bcrypt cost of 13 exceeds maximum cost of 12"],
      [`$2$10$${rest}`, "password_hash is not supported: send the password"],
    ] as const;
    for (const [hash, why] of refusals) {
      const answer = await ask("POST", "auth/userpass/users/ann", { password_hash: hash });
      expect([answer.status, answer.json], hash).toEqual([400, { errors: [why] }]);
    }
    const both = { password: "x", password_hash: `$2a$10$${rest}` };
    expect((await ask("POST", "auth/userpass/users/ann", both)).json).toEqual({
      errors: ["only one of password or password_hash may be provided"],
    });
  });

  it("a new password replaces a user's old one", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/ann/password", { password: "staple" });
    expect((await login(client)).status).toBe(400);
    expect((await login(client, "staple")).status).toBe(200);
  });

  it("new policies of a user apply to the next login", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/ann/policies", { policies: "auditors" });
    const answer = await login(client);
    expect(at(answer.json, "auth", "policies")).toEqual(["auditors", "default"]);
  });

  it("a user's policies are kept as sent, but normalised when sent to the policies path", async () => {
    const { ask, done } = await withAnn({ token_policies: ["B", "a", "a"] });
    const shown = async () =>
      at((await ask("GET", "auth/userpass/users/ann")).json, "data", "token_policies");
    expect(await shown()).toEqual(["B", "a", "a"]);
    await done("POST", "auth/userpass/users/ann/policies", { token_policies: ["M", "n", "n"] });
    expect(await shown()).toEqual(["m", "n"]);
    await done("POST", "auth/userpass/users/ann/policies", {});
    expect(await shown()).toEqual(["m", "n"]);
  });

  it("a deprecated field of a user is shown with the value in force if it was used last", async () => {
    const { ask, done } = await withAnn({ ttl: "1h", max_ttl: "2h", bound_cidrs: "10.0.0.0/8" });
    const legacyFields = async () => {
      const { json } = await ask("GET", "auth/userpass/users/ann");
      const names = Object.entries(Object(at(json, "data")));
      return Object.fromEntries(names.filter(([name]) => !name.startsWith("token_")));
    };
    const shown = { ttl: HOUR, max_ttl: 2 * HOUR, bound_cidrs: ["10.0.0.0/8"] };
    expect(await legacyFields()).toEqual(shown);
    await done("POST", "auth/userpass/users/ann", { token_num_uses: 3 });
    expect(await legacyFields()).toEqual(shown);
    await done("POST", "auth/userpass/users/ann", {
      token_ttl: 60,
      token_max_ttl: 90,
      max_ttl: 80,
    });
    expect(await legacyFields()).toEqual({ max_ttl: 90, bound_cidrs: ["10.0.0.0/8"] });
    await done("POST", "auth/userpass/users/ann/policies", { policies: "Old" });
    expect(await legacyFields()).toMatchObject({ policies: ["old"] });
    await done("POST", "auth/userpass/users/ann", { token_policies: "new", bound_cidrs: "" });
    expect(await legacyFields()).toEqual({ max_ttl: 90 });
  });

  it("users do not have the deprecated fields of AppRole", async () => {
    const { ask } = await withAnn({ period: "1h" });
    const { json } = await ask("GET", "auth/userpass/users/ann");
    expect(at(json, "data", "token_period")).toBe(0);
  });

  it("password and policies of an unknown user cannot be set", async () => {
    const { ask } = await withAnn();
    for (const [field, body] of [["password", {}], ["policies", {}]] as const) {
      const answer = await ask("POST", `auth/userpass/users/bob/${field}`, body);
      expect([answer.status, answer.json]).toEqual([400, {
        errors: ["1 error occurred:\n\t* username does not exist\n\n"],
      }]);
    }
  });

  it("a deleted user can no longer log in", async () => {
    const client = await withAnn();
    await client.done("DELETE", "auth/userpass/users/ann");
    expect((await login(client)).json).toEqual(WRONG);
    expect((await client.ask("GET", "auth/userpass/users/ann")).status).toBe(404);
    expect((await client.ask("LIST", "auth/userpass/users")).status).toBe(404);
  });

  it("a user with contradictory or invalid rules is refused", async () => {
    const { ask } = await withAnn();
    const bodies = [
      { token_bound_cidrs: "10.0.0.0/33" },
      { token_bound_cidrs: "10.0.0.0/8", token_strictly_bind_ip: true },
      { password_hash: "$2a$10$abc" },
      { token_type: "sometimes" },
      { token_type: "default-batch" },
      { token_type: "default-service" },
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

  it("user names follow Vault's rules, and no other paths are served", async () => {
    const { ask } = await withAnn();
    for (const path of ["/users/a%20b", "/users/-a", "/users/ann/x", "/nothing", ""]) {
      const answer = await ask("POST", `auth/userpass${path}`, { password: "x" });
      expect([answer.status, answer.json], path).toEqual([404, UNSUPPORTED_PATH]);
    }
    const login = await ask("POST", "auth/userpass/login/ann/x", { password: "x" });
    expect([login.status, login.json]).toEqual([404, { errors: ["unsupported path"] }]);
  });

  it("creating a user needs `create`, and changing one needs `update`", async () => {
    const { ask, tokenWith } = await withAnn();
    const maker = await tokenWith('path "auth/userpass/users/*" { capabilities = ["create"] }');
    const body = { password: "x" };
    expect((await ask("POST", "auth/userpass/users/bob", body, maker)).status).toBe(204);
    expect((await ask("POST", "auth/userpass/users/bob", body, maker)).status).toBe(403);
    expect((await ask("POST", "auth/userpass/users/eve", body, null)).status).toBe(403);
  });
});

describe("requests on users", () => {
  it("requests on users warn about unknown fields", async () => {
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

  it("a request on a user names the field that cannot be read", async () => {
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

  it("users can be listed by page", async () => {
    const { ask, done } = await withAnn();
    for (const name of ["bob", "eve"]) {
      await done("POST", `auth/userpass/users/${name}`, { password: "x" });
    }
    const page = await ask("GET", "auth/userpass/users?list=true&after=ann&limit=1");
    expect(at(page.json, "data", "keys")).toEqual(["bob"]);
    expect((await ask("LIST", "auth/userpass/users?after=eve")).status).toBe(404);
  });
});

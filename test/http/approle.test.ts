import { describe, expect, it } from "vitest";
import { at, textAt, textsAt, UNSUPPORTED_PATH } from "../contract/api.contract.ts";
import { openRootClient, type RootClient } from "./root_client.ts";

const WRONG = { errors: ["invalid role or secret ID"] };
const ROLE = "auth/approle/role/ci";

interface RoleClient extends RootClient {
  readonly roleId: string;
  secretId(body?: object): Promise<{ readonly id: string; readonly accessor: string }>;
  login(secretId: string, roleId?: string): ReturnType<RootClient["ask"]>;
}

async function withRole(role: object = {}): Promise<RoleClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/approle", { type: "approle" });
  await client.done("POST", ROLE, { token_policies: ["deploy"], ...role });
  const roleId = textAt((await client.ask("GET", `${ROLE}/role-id`)).json, "data", "role_id");
  return {
    ...client,
    roleId,
    async secretId(body = {}) {
      const { json } = await client.ask("POST", `${ROLE}/secret-id`, body);
      const id = textAt(json, "data", "secret_id");
      return { id, accessor: textAt(json, "data", "secret_id_accessor") };
    },
    login: async (secretId, id = roleId) => {
      const body = { role_id: id, secret_id: secretId };
      return await client.ask("POST", "auth/approle/login", body, null);
    },
  };
}

describe("a login with role id and secret id", () => {
  it("answers an orphan token with the role's policies and name", async () => {
    const { secretId, login, ask } = await withRole({ token_ttl: "20m" });
    const { id } = await secretId({ metadata: '{"host":"h1"}' });
    const answer = await login(id);
    expect(at(answer.json, "auth")).toMatchObject({
      policies: ["default", "deploy"],
      metadata: { host: "h1", role_name: "ci" },
      lease_duration: 1200,
      orphan: true,
    });
    const token = textAt(answer.json, "auth", "client_token");
    const self = await ask("GET", "auth/token/lookup-self", null, token);
    expect(at(self.json, "data")).toMatchObject({
      display_name: "approle",
      path: "auth/approle/login",
    });
  });

  it("is the same refusal for a wrong role id, a wrong secret id and another role's", async () => {
    const { secretId, login, done, ask, roleId } = await withRole();
    const { id } = await secretId();
    await done("POST", "auth/approle/role/other", {});
    const other = textAt(
      (await ask("GET", "auth/approle/role/other/role-id")).json,
      "data",
      "role_id",
    );
    const answers = [await login(id, "nobody"), await login("nothing"), await login(id, other)];
    for (const answer of answers) expect([answer.status, answer.json]).toEqual([400, WRONG]);
    const missing = await ask("POST", "auth/approle/login", { role_id: roleId }, null);
    const both = await ask("POST", "auth/approle/login", { role_id: "nobody" }, null);
    expect(missing.json).toEqual({ errors: ["missing secret_id"] });
    expect(both.json).toEqual(missing.json);
  });

  it("is renewed as long as the role is there", async () => {
    const { secretId, login, done, ask } = await withRole({ token_ttl: "20m" });
    const token = textAt((await login((await secretId()).id)).json, "auth", "client_token");
    const renew = () => ask("POST", "auth/token/renew-self", {}, token);
    expect(at((await renew()).json, "auth", "lease_duration")).toBe(1200);
    await done("DELETE", ROLE);
    expect((await renew()).status).toBe(400);
  });
});

describe("secret ids", () => {
  it("are not stored as they are, nor are role ids", async () => {
    const { secretId, api, roleId } = await withRole();
    const { id, accessor } = await secretId();
    const stored = await api.snapshot();
    for (const text of [id, accessor, roleId]) expect(stored).not.toContain(text);
  });

  it("end with their last use, of many logins at once too", async () => {
    const { secretId, login, ask } = await withRole({ secret_id_num_uses: 2 });
    const { id } = await secretId();
    const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await login(id)).status));
    expect(statuses.sort()).toEqual([200, 200, 400, 400]);
    expect((await ask("LIST", `${ROLE}/secret-id`)).status).toBe(404);
  });

  it("end with their time, before and after the alarm has cleared them", async () => {
    const { secretId, login, ask, api } = await withRole({ secret_id_ttl: "10m" });
    const { id, accessor } = await secretId();
    api.clock.nowMs += 10 * 60 * 1000 - 1;
    expect((await login(id)).status).toBe(200);
    api.clock.nowMs += 1;
    expect((await login(id)).json).toEqual(WRONG);
    expect((await ask("LIST", `${ROLE}/secret-id`)).status).toBe(404);
    const left = async () => (await api.snapshot()).match(/(secret-id|accessor|login-expiry)\//g);
    expect(await left()).not.toBeNull();
    await api.fire();
    expect((await api.snapshot()).match(/^auth\/.*\/(secret-id|accessor)\/|^sys\/login-expiry/gm))
      .toBeNull();
    const body = { secret_id_accessor: accessor };
    expect((await ask("POST", `${ROLE}/secret-id-accessor/lookup`, body)).status).toBe(404);
  });

  it("may be narrower than their role says, and never wider", async () => {
    const { ask } = await withRole({ secret_id_num_uses: 5, secret_id_ttl: "10m" });
    const narrow = await ask("POST", `${ROLE}/secret-id`, { num_uses: 1, ttl: "1m" });
    expect(at(narrow.json, "data")).toMatchObject({ secret_id_num_uses: 1, secret_id_ttl: 60 });
    for (const body of [{ num_uses: 6 }, { num_uses: 0 }, { ttl: "11m" }, { ttl: 0 }]) {
      expect((await ask("POST", `${ROLE}/secret-id`, body)).status).toBe(400);
    }
  });

  it("are looked up and destroyed by themselves and by accessor", async () => {
    const { secretId, login, ask, done } = await withRole();
    const first = await secretId({ metadata: "host=h1,zone=z" });
    const second = await secretId();
    const list = await ask("LIST", `${ROLE}/secret-id`);
    expect([...textsAt(list.json, "data", "keys")].sort())
      .toEqual([first.accessor, second.accessor].sort());
    const read = await ask("POST", `${ROLE}/secret-id/lookup`, { secret_id: first.id });
    expect(at(read.json, "data")).toMatchObject({
      secret_id_accessor: first.accessor,
      secret_id_num_uses: 0,
      secret_id_ttl: 0,
      expiration_time: "0001-01-01T00:00:00Z",
      metadata: { host: "h1", zone: "z" },
    });
    const body = { secret_id_accessor: first.accessor };
    const same = await ask("POST", `${ROLE}/secret-id-accessor/lookup`, body);
    expect(at(same.json, "data")).toEqual(at(read.json, "data"));
    await done("POST", `${ROLE}/secret-id-accessor/destroy`, body);
    await done("POST", `${ROLE}/secret-id/destroy`, { secret_id: second.id });
    expect((await login(first.id)).status).toBe(400);
    expect((await login(second.id)).status).toBe(400);
    expect((await ask("POST", `${ROLE}/secret-id/lookup`, { secret_id: second.id })).status)
      .toBe(204);
  });

  it("may be chosen by the caller, each of them once", async () => {
    const { login, ask, api } = await withRole();
    const body = { secret_id: "chosen", ttl: 60 };
    expect((await ask("POST", `${ROLE}/custom-secret-id`, body)).status).toBe(200);
    const again = await ask("POST", `${ROLE}/custom-secret-id`, body);
    expect(again.json)
      .toEqual({ errors: ["failed to store secret_id: SecretID is already registered"] });
    expect((await login("chosen")).status).toBe(200);
    api.clock.nowMs += 60_000;
    expect((await ask("POST", `${ROLE}/custom-secret-id`, { ...body, ttl: 600 })).status).toBe(200);
    await api.fire();
    expect((await login("chosen")).status).toBe(200);
  });
});

describe("roles", () => {
  it("are shown, listed and deleted, with their secret ids", async () => {
    const { ask, done, secretId, login, api } = await withRole({ token_period: 60 });
    const { id } = await secretId();
    const read = await ask("GET", ROLE);
    expect(at(read.json, "data")).toMatchObject({
      bind_secret_id: true,
      local_secret_ids: false,
      secret_id_num_uses: 0,
      secret_id_ttl: 0,
      token_period: 60,
      token_policies: ["deploy"],
    });
    expect(at((await ask("LIST", "auth/approle/role")).json, "data", "keys")).toEqual(["ci"]);
    await done("DELETE", ROLE);
    expect((await ask("GET", ROLE)).status).toBe(404);
    expect((await login(id)).json).toEqual(WRONG);
    expect(await api.snapshot()).not.toMatch(/^auth\//m);
    await done("POST", ROLE, {});
    expect((await ask("LIST", `${ROLE}/secret-id`)).status).toBe(404);
  });

  it("have a role id that can be chosen, by one role only", async () => {
    const { ask, done, secretId, login, roleId } = await withRole();
    const { id } = await secretId();
    await done("POST", `${ROLE}/role-id`, { role_id: "ci-role" });
    expect((await login(id)).status).toBe(400);
    expect((await login(id, "ci-role")).status).toBe(200);
    const taken = await ask("POST", "auth/approle/role/other", { role_id: "ci-role" });
    expect([taken.status, taken.json]).toEqual([400, { errors: ["role_id already in use"] }]);
    await done("POST", "auth/approle/role/other", { role_id: roleId });
  });

  it("must ask for a secret id where they are bound to no addresses", async () => {
    const { ask } = await withRole();
    const open = await ask("POST", ROLE, { bind_secret_id: false });
    expect(open.json).toEqual({
      errors: ["at least one constraint should be enabled on the role"],
    });
  });

  it("of other names and other paths do not exist", async () => {
    const { ask } = await withRole();
    expect((await ask("GET", "auth/approle/role/none")).status).toBe(404);
    expect((await ask("GET", "auth/approle/role/none/role-id")).status).toBe(404);
    expect((await ask("POST", "auth/approle/role/none/secret-id")).status).toBe(404);
    const answer = await ask("GET", "auth/approle/role/ci/nothing");
    expect([answer.status, answer.json]).toEqual([404, UNSUPPORTED_PATH]);
  });
});

/** AppRole: logins with role id and secret id, and the roles themselves. */

import { describe, expect, it } from "vitest";
import { at, textAt, UNSUPPORTED_PATH } from "../../contract/api.contract.ts";
import { listed, ROLE, withRole, WRONG } from "./role_client.ts";

describe("AppRole logins", () => {
  it("an AppRole login gives an orphan token with the role's policies and name", async () => {
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

  it("a wrong role id, a wrong secret id and another role's secret id get the same refusal", async () => {
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
    expect(both.json).toEqual(WRONG);
  });

  it("an AppRole token is renewed only while its role exists", async () => {
    const { secretId, login, done, ask } = await withRole({ token_ttl: "20m" });
    const token = textAt((await login((await secretId()).id)).json, "auth", "client_token");
    const renew = () => ask("POST", "auth/token/renew-self", {}, token);
    expect(at((await renew()).json, "auth", "lease_duration")).toBe(1200);
    await done("DELETE", ROLE);
    const gone = await renew();
    expect([gone.status, gone.json]).toEqual([
      400,
      listed('failed to renew entry: role "ci" does not exist during renewal'),
    ]);
  });

  it("an AppRole login without a role id is refused before its method is checked", async () => {
    const { ask } = await withRole();
    for (const method of ["POST", "GET", "DELETE"]) {
      const answer = await ask(method, "auth/approle/login", method === "POST" ? {} : null, null);
      expect([answer.status, answer.json], method).toEqual([400, { errors: ["missing role_id"] }]);
    }
    const named = await ask("GET", "auth/approle/login?role_id=x", null, null);
    expect([named.status, named.json]).toEqual([405, { errors: ["unsupported operation"] }]);
  });
});

describe("AppRole roles", () => {
  it("a role is shown, listed and deleted with its secret ids", async () => {
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

  it("a role id can be chosen, but by one role only", async () => {
    const { ask, done, secretId, login, roleId } = await withRole();
    const { id } = await secretId();
    await done("POST", `${ROLE}/role-id`, { role_id: "ci-role" });
    expect((await login(id)).status).toBe(400);
    expect((await login(id, "ci-role")).status).toBe(200);
    const taken = await ask("POST", "auth/approle/role/other", { role_id: "ci-role" });
    expect([taken.status, taken.json]).toEqual([400, listed("role_id already in use")]);
    await done("POST", "auth/approle/role/other", { role_id: roleId });
  });

  it("a role without bound addresses must require a secret id", async () => {
    const { ask } = await withRole();
    const open = await ask("POST", ROLE, { bind_secret_id: false });
    expect(open.json).toEqual(listed("at least one constraint should be enabled on the role"));
  });

  it("local_secret_ids can be set only when a role is created", async () => {
    const { ask } = await withRole();
    const answer = await ask("POST", ROLE, { local_secret_ids: false });
    expect([answer.status, answer.json]).toEqual([400, {
      errors: ["local_secret_ids can only be modified during role creation"],
    }]);
  });

  it.each([
    [
      { token_type: "default-batch" },
      "default-batch has no useful meaning; adjusting to batch",
      { token_type: "batch" },
    ],
    [
      { token_type: "default-service" },
      "default-service has no useful meaning; adjusting to service",
      { token_type: "service" },
    ],
    [
      { token_max_ttl: "1000h" },
      "token_max_ttl is greater than the backend mount's maximum TTL value; issued tokens' max " +
      "TTL value will be truncated",
      { token_max_ttl: 3_600_000 },
    ],
  ])("a role accepts %j with a warning", async (body, warning, shown) => {
    const { ask } = await withRole();
    const answer = await ask("POST", ROLE, body);
    expect([answer.status, at(answer.json, "warnings")]).toEqual([200, [warning]]);
    expect(at((await ask("GET", ROLE)).json, "data")).toMatchObject(shown);
  });

  it("a role refuses a legacy period above the maximum, but takes it as token_period", async () => {
    const { ask, done } = await withRole();
    const answer = await ask("POST", ROLE, { period: "1000h" });
    expect([answer.status, answer.json]).toEqual([400, {
      errors: [
        'period of "1000h0m0s" is greater than the backend\'s maximum lease TTL of "768h0m0s"',
      ],
    }]);
    await done("POST", ROLE, { token_period: "1000h" });
  });

  it("unknown roles and unknown paths of a role are not found", async () => {
    const { ask } = await withRole();
    for (const path of ["secret-id/lookup/", "secret-id-accessor/destroy/"]) {
      expect((await ask("GET", `${ROLE}/${path}`)).status, path).toBe(405);
    }
    const list = await ask("LIST", "auth/approle/role/none/secret-id");
    expect([list.status, list.json]).toEqual([400, { errors: ['role "none" does not exist'] }]);
    const lookup = await ask("POST", "auth/approle/role/none/secret-id/lookup", { secret_id: "x" });
    expect([lookup.status, lookup.json]).toEqual([400, listed('role "none" does not exist')]);
    expect((await ask("GET", "auth/approle/role/none")).status).toBe(404);
    expect((await ask("GET", "auth/approle/role/none/role-id")).status).toBe(404);
    expect((await ask("POST", "auth/approle/role/none/secret-id")).status).toBe(404);
    const answer = await ask("GET", "auth/approle/role/ci/nothing");
    expect([answer.status, answer.json]).toEqual([404, UNSUPPORTED_PATH]);
  });
});

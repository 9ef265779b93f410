/** Secret ids of AppRole: issuing, use, expiry, lookup, metadata and custom ids. */

import { describe, expect, it } from "vitest";
import { at, textAt, textsAt } from "../../contract/api.contract.ts";
import { listed, ROLE, withRole, WRONG } from "./role_client.ts";

describe("secret ids", () => {
  it("secret ids, their accessors and role ids are not stored in clear", async () => {
    const { secretId, api, roleId } = await withRole();
    const { id, accessor } = await secretId();
    const stored = await api.snapshot();
    for (const text of [id, accessor, roleId]) expect(stored).not.toContain(text);
  });

  it("a secret id ends with its last use, even among concurrent logins", async () => {
    const { secretId, login, ask } = await withRole({ secret_id_num_uses: 2 });
    const { id } = await secretId();
    const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await login(id)).status));
    expect(statuses.sort()).toEqual([200, 200, 400, 400]);
    expect((await ask("LIST", `${ROLE}/secret-id`)).status).toBe(404);
  });

  it("an expired secret id is refused before and after the alarm deletes it", async () => {
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

  it("a secret id may have narrower limits than its role, but not wider", async () => {
    const { ask } = await withRole({ secret_id_num_uses: 5, secret_id_ttl: "10m" });
    const narrow = await ask("POST", `${ROLE}/secret-id`, { num_uses: 1, ttl: "1m" });
    expect(at(narrow.json, "data")).toMatchObject({ secret_id_num_uses: 1, secret_id_ttl: 60 });
    for (const body of [{ num_uses: 6 }, { num_uses: 0 }, { ttl: "11m" }, { ttl: 0 }]) {
      expect((await ask("POST", `${ROLE}/secret-id`, body)).status).toBe(400);
    }
  });

  it("a secret id can be looked up and destroyed by itself and by accessor", async () => {
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

  it("an unknown accessor and another role's accessor neither show nor destroy a secret id", async () => {
    const { secretId, ask, done, login } = await withRole();
    const { id, accessor } = await secretId();
    await done("POST", "auth/approle/role/other", {});
    const why = 'failed to find accessor entry for secret_id_accessor: "bad"';
    const bad = { secret_id_accessor: "bad" };
    const lookup = await ask("POST", `${ROLE}/secret-id-accessor/lookup`, bad);
    expect([lookup.status, at(lookup.json, "data")]).toEqual([404, { error: why }]);
    const destroy = await ask("POST", `${ROLE}/secret-id-accessor/destroy`, bad);
    expect([destroy.status, destroy.json]).toEqual([400, listed(why)]);
    const others = "auth/approle/role/other/secret-id-accessor";
    const body = { secret_id_accessor: accessor };
    expect((await ask("POST", `${others}/lookup`, body)).status).toBe(204);
    const foreign = await ask("POST", `${others}/destroy`, body);
    expect([foreign.status, foreign.json]).toEqual([403, {
      errors: ["invalid secret id accessor"],
    }]);
    expect((await login(id)).status).toBe(200);
  });

  it.each([
    ['{"a":"1"}', { a: "1" }],
    ["B=1, a=2,a=2", { a: "2", b: "1" }],
    ["eyJhIjoiMSJ9", { a: "1" }],
    ["bnVsbA==", {}],
  ])("a secret id shows the metadata of %s", async (metadata, meta) => {
    const { secretId, ask } = await withRole();
    const { id } = await secretId({ metadata });
    const read = await ask("POST", `${ROLE}/secret-id/lookup`, { secret_id: id });
    expect(at(read.json, "data", "metadata")).toEqual(meta);
  });

  it.each([
    ['{"a":1}', "failed to parse the input: invalid <key,value> format"],
    ["[]", "failed to parse the input: invalid <key,value> format"],
    ["null", "failed to parse the input: invalid <key,value> format"],
    ["a=1=2", "failed to parse the input: invalid <key,value> format"],
    ["=1", 'failed to parse the input: invalid <key,value> pair: key: "" value: "1"'],
    ['{"a":""}', 'invalid value for key "a"'],
    ['{"a":null}', 'invalid value for key "a"'],
  ])("a secret id with the metadata %s is not issued", async (metadata, why) => {
    const { ask } = await withRole();
    const answer = await ask("POST", `${ROLE}/secret-id`, { metadata });
    expect([answer.status, answer.json]).toEqual([400, {
      errors: [`failed to parse metadata: ${why}`],
    }]);
  });

  it("a wrapped secret id has its accessor beside the wrapping token", async () => {
    const { api, root, ask } = await withRole();
    const headers = { "X-Vault-Wrap-TTL": "60" };
    const path = `/v1/${ROLE}/secret-id`;
    const wrapped = await api.request("POST", path, { token: root, headers });
    const token = textAt(wrapped.json, "wrap_info", "token");
    const opened = await ask("POST", "sys/wrapping/unwrap", null, token);
    expect(textAt(wrapped.json, "wrap_info", "wrapped_accessor"))
      .toBe(textAt(opened.json, "data", "secret_id_accessor"));
  });

  it("a caller may choose a secret id, each once while it is valid", async () => {
    const { login, ask, api } = await withRole();
    const body = { secret_id: "chosen", ttl: 60 };
    expect((await ask("POST", `${ROLE}/custom-secret-id`, body)).status).toBe(200);
    const again = await ask("POST", `${ROLE}/custom-secret-id`, body);
    expect(again.json).toEqual(listed("failed to store secret_id: SecretID is already registered"));
    expect((await login("chosen")).status).toBe(200);
    api.clock.nowMs += 60_000;
    expect((await ask("POST", `${ROLE}/custom-secret-id`, { ...body, ttl: 600 })).status).toBe(200);
    await api.fire();
    expect((await login("chosen")).status).toBe(200);
  });

  it("templates use the metadata of the secret id of the latest login", async () => {
    const client = await withRole({ token_policies: ["team"] });
    const methods = await client.ask("GET", "sys/auth");
    const accessor = textAt(methods.json, "data", "approle/", "accessor");
    const part = `{{identity.entity.aliases.${accessor}.metadata.team}}`;
    const policy = `path "kv/${part}" { capabilities = ["read"] }`;
    await client.ask("PUT", "sys/policies/acl/team", { policy });
    for (const team of ["red", "blue", "red"]) {
      const { id } = await client.secretId({ metadata: JSON.stringify({ team }) });
      const token = textAt((await client.login(id)).json, "auth", "client_token");
      const body = { token, paths: ["kv/red", "kv/blue"] };
      expect((await client.ask("POST", "sys/capabilities", body)).json).toMatchObject({
        "kv/red": [team === "red" ? "read" : "deny"],
        "kv/blue": [team === "blue" ? "read" : "deny"],
      });
    }
  });
});

/** Entities: which one a login has, how it is shown and found, and what the identity store refuses. */

import { describe, expect, it } from "vitest";
import {
  at,
  textAt,
  UNSUPPORTED_OPERATION,
  UNSUPPORTED_PATH,
} from "../../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

interface UserClient extends RootClient {
  login(user?: string, mount?: string): Promise<{ readonly token: string; readonly id: string }>;
}

async function withAnn(user: object = {}): Promise<UserClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/userpass", { type: "userpass" });
  await client.done("POST", "auth/userpass/users/ann", { password: "x", ...user });
  return {
    ...client,
    async login(user = "ann", mount = "userpass") {
      const path = `auth/${mount}/login/${user}`;
      const { json } = await client.ask("POST", path, { password: "x" }, null);
      return { token: textAt(json, "auth", "client_token"), id: textAt(json, "auth", "entity_id") };
    },
  };
}

async function entityOf({ ask }: RootClient, token: string): Promise<unknown> {
  return at((await ask("GET", "auth/token/lookup-self", null, token)).json, "data", "entity_id");
}

describe("entities of logins", () => {
  it("every login of a user has the same entity, and another user has another", async () => {
    const client = await withAnn();
    await client.done("POST", "auth/userpass/users/bob", { password: "x" });
    const first = await client.login();
    expect(first.id).toMatch(UUID);
    expect((await client.login("ANN")).id).toBe(first.id);
    expect((await client.login("bob")).id).not.toBe(first.id);
    expect(await entityOf(client, first.token)).toBe(first.id);
  });

  it("concurrent first logins of a user make one entity", async () => {
    const { login } = await withAnn();
    const ids = (await Promise.all([1, 2, 3, 4].map(() => login()))).map(({ id }) => id);
    expect(new Set(ids).size).toBe(1);
  });

  it("a user's entity survives a restart, and deleting and recreating the user", async () => {
    const { api, ask, done, login, shares } = await withAnn();
    const { id } = await login();
    await done("DELETE", "auth/userpass/users/ann");
    await done("POST", "auth/userpass/users/ann", { password: "x" });
    expect((await login()).id).toBe(id);
    await api.restart();
    await ask("PUT", "sys/unseal", { key: shares[0] }, null);
    expect((await login()).id).toBe(id);
  });

  it("the same user name on another mount, or a later one at the same path, has another entity", async () => {
    const { done, login } = await withAnn();
    await done("POST", "sys/auth/staff", { type: "userpass" });
    await done("POST", "auth/staff/users/ann", { password: "x" });
    const { id } = await login("ann", "staff");
    expect(id).not.toBe((await login()).id);
    await done("DELETE", "sys/auth/staff");
    await done("POST", "sys/auth/staff", { type: "userpass" });
    await done("POST", "auth/staff/users/ann", { password: "x" });
    expect((await login("ann", "staff")).id).not.toBe(id);
  });

  it("renewals and batch tokens show the entity of the login", async () => {
    const client = await withAnn();
    const { token, id } = await client.login();
    const renewed = await client.ask("POST", "auth/token/renew-self", {}, token);
    expect(at(renewed.json, "auth", "entity_id")).toBe(id);
    await client.done("POST", "auth/userpass/users/ann", { token_type: "batch" });
    const batch = await client.login();
    expect(batch.id).toBe(id);
    expect(await entityOf(client, batch.token)).toBe(id);
  });

  it("child tokens inherit the entity; orphans and root have none", async () => {
    const client = await withAnn({ token_policies: "maker" });
    const policy = 'path "auth/token/create" { capabilities = ["update", "sudo"] }';
    await client.ask("PUT", "sys/policies/acl/maker", { policy });
    const { token, id } = await client.login();
    const make = async (body: object) => {
      const { json } = await client.ask("POST", "auth/token/create", body, token);
      expect(await entityOf(client, textAt(json, "auth", "client_token")))
        .toBe(at(json, "auth", "entity_id"));
      return at(json, "auth", "entity_id");
    };
    expect(await make({})).toBe(id);
    expect(await make({ type: "batch" })).toBe(id);
    expect(await make({ no_parent: true })).toBe("");
    expect(await entityOf(client, client.root)).toBe("");
  });

  it("an AppRole entity has the role id as its alias, which is not in the store in clear", async () => {
    const { ask, api, done } = await withAnn();
    await done("POST", "sys/auth/approle", { type: "approle" });
    await done("POST", "auth/approle/role/ci", { role_id: "the-role" });
    const login = async (metadata: object) => {
      const body = { metadata: JSON.stringify(metadata) };
      const issued = await ask("POST", "auth/approle/role/ci/secret-id", body);
      const ids = { role_id: "the-role", secret_id: textAt(issued.json, "data", "secret_id") };
      const { json } = await ask("POST", "auth/approle/login", ids, null);
      const id = textAt(json, "auth", "entity_id");
      return at((await ask("GET", `identity/entity/id/${id}`)).json, "data", "aliases", 0);
    };
    const first = await login({ host: "h1" });
    expect(first).toMatchObject({
      name: "the-role",
      metadata: { host: "h1", role_name: "ci" },
      mount_path: "auth/approle/",
      mount_type: "approle",
    });
    api.clock.nowMs += 1000;
    const second = await login({ host: "h2" });
    expect(second).toEqual({
      ...Object(first),
      metadata: { host: "h2", role_name: "ci" },
      last_update_time: new Date(api.clock.nowMs).toISOString(),
    });
    expect(await api.snapshot()).not.toContain("the-role");
  });
});

describe("identity endpoints", () => {
  async function withEntity() {
    const client = await withAnn();
    const { token, id } = await client.login();
    const { json } = await client.ask("GET", `identity/entity/id/${id}`);
    const alias = at(json, "data", "aliases", 0);
    return {
      ...client,
      token,
      id,
      entity: at(json, "data"),
      name: textAt(json, "data", "name"),
      aliasId: textAt(alias, "id"),
      accessor: textAt(alias, "mount_accessor"),
    };
  }

  it("an entity is shown with its alias", async () => {
    const { api, entity, id, aliasId, accessor, name } = await withEntity();
    const now = new Date(api.clock.nowMs).toISOString();
    const times = { creation_time: now, last_update_time: now };
    expect(name).toMatch(/^entity_[0-9a-f]{8}\.root$/);
    expect(aliasId).toMatch(UUID);
    expect(entity).toEqual({
      ...times,
      aliases: [{
        ...times,
        canonical_id: id,
        custom_metadata: null,
        id: aliasId,
        local: false,
        merged_from_canonical_ids: null,
        metadata: null,
        mount_accessor: accessor,
        mount_path: "auth/userpass/",
        mount_type: "userpass",
        name: "ann",
      }],
      direct_group_ids: [],
      disabled: false,
      group_ids: [],
      id,
      inherited_group_ids: [],
      merged_entity_ids: null,
      metadata: null,
      name,
      namespace_id: "root",
      policies: [],
    });
  });

  it("an entity is found by name and by lookup, and an ambiguous lookup is refused", async () => {
    const { ask, entity, id, name, aliasId, accessor } = await withEntity();
    const byName = await ask("GET", `identity/entity/name/${name.toUpperCase()}`);
    expect(at(byName.json, "data")).toEqual(entity);
    const clear = [
      { id },
      { name },
      { alias_id: aliasId },
      { alias_name: "ANN", alias_mount_accessor: accessor },
    ];
    for (const body of clear) {
      const answer = await ask("POST", "identity/lookup/entity", body);
      expect(at(answer.json, "data"), JSON.stringify(body)).toEqual(entity);
    }
    for (const body of [{ id: "" }, { id: name }, { name: id }, { alias_id: id }]) {
      expect((await ask("POST", "identity/lookup/entity", body)).status).toBe(204);
    }
    const conflict = "query parameter conflict; please supply distinct set of query parameters";
    const half = "both 'alias_name' and 'alias_mount_accessor' needs to be set";
    const unclear = [
      [{}, "query parameter not supplied"],
      [{ id, name }, conflict],
      [{ alias_name: "ann", alias_mount_accessor: "" }, conflict],
      [{ alias_name: "ann" }, half],
      [{ alias_mount_accessor: accessor }, half],
    ] as const;
    for (const [body, why] of unclear) {
      for (const kind of ["entity", "group"]) {
        const answer = await ask("POST", `identity/lookup/${kind}`, body);
        expect([answer.status, answer.json]).toEqual([400, { errors: [why] }]);
      }
    }
    expect((await ask("POST", "identity/lookup/group", { id })).status).toBe(204);
  });

  it("entities are listed by id and by name, and aliases by id", async () => {
    const { ask, id, name, aliasId, accessor } = await withEntity();
    const mount = {
      mount_accessor: accessor,
      mount_path: "auth/userpass/",
      mount_type: "userpass",
    };
    const list = async (path: string) => at((await ask("LIST", `identity/${path}`)).json, "data");
    expect(await list("entity/id")).toEqual({
      key_info: { [id]: { aliases: [{ id: aliasId, ...mount, name: "ann" }], name } },
      keys: [id],
    });
    expect(await list("entity/name")).toEqual({ keys: [name] });
    const alias = { canonical_id: id, custom_metadata: null, local: false, metadata: null };
    expect(await list("entity-alias/id")).toEqual({
      key_info: { [aliasId]: { ...alias, ...mount, name: "ann" } },
      keys: [aliasId],
    });
    const read = await ask("GET", `identity/entity-alias/id/${aliasId}`);
    expect(at(read.json, "data")).toMatchObject({ ...alias, ...mount, namespace_id: "root" });
  });

  it("an entity outlives its mount and then shows no mount path", async () => {
    const { ask, done, id } = await withEntity();
    await done("DELETE", "sys/auth/userpass");
    const { json } = await ask("GET", `identity/entity/id/${id}`);
    expect(at(json, "data", "aliases", 0, "mount_accessor")).toMatch(/^auth_userpass_/);
    expect(at(json, "data", "aliases", 0)).not.toHaveProperty("mount_path");
  });

  it("reading an entity needs a policy, and the default policy allows the token's own", async () => {
    const { ask, id, token, tokenWith } = await withEntity();
    const path = `identity/entity/id/${id}`;
    expect((await ask("GET", path, null, null)).status).toBe(403);
    const reader = await tokenWith('path "identity/entity/id/*" { capabilities = ["read"] }');
    expect((await ask("GET", path, null, reader)).status).toBe(200);
    // The default policy allows the token's own entity.
    expect((await ask("GET", path, null, token)).status).toBe(200);
    expect((await ask("GET", `${path.slice(0, -1)}x`, null, token)).status).toBe(403);
    expect((await ask("LIST", "identity/entity/id", null, token)).status).toBe(403);
  });
});

describe("the identity store", () => {
  it("an empty identity store answers 404 to lists and reads", async () => {
    const { ask } = await openRootClient();
    const paths = ["entity/id", "entity/name", "entity-alias/id", "group/id", "group/name"];
    for (const path of [...paths, "group-alias/id"]) {
      const list = await ask("LIST", `identity/${path}`);
      expect([list.status, list.json], path).toEqual([404, { errors: [] }]);
      const read = await ask("GET", `identity/${path}/x`);
      expect([read.status, read.json], path).toEqual([404, { errors: [] }]);
      const whole = await ask("GET", `identity/${path}`);
      expect([whole.status, whole.json], path).toEqual([405, UNSUPPORTED_OPERATION]);
    }
  });

  it("the identity store cannot be written and has no other paths", async () => {
    const { ask } = await openRootClient();
    for (const path of ["entity", "entity/merge", "entity-alias", "group", "entity/name/x"]) {
      const answer = await ask("POST", `identity/${path}`, {});
      expect([answer.status, answer.json], path).toEqual([405, UNSUPPORTED_OPERATION]);
    }
    for (const path of ["identity", "identity/nothing", "identity/entity/x"]) {
      const answer = await ask("GET", path);
      expect([answer.status, answer.json], path).toEqual([404, UNSUPPORTED_PATH]);
    }
    expect((await ask("LIST", "identity/entity")).status).toBe(404);
  });
});

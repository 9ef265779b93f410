/** User lockout for userpass and AppRole: what locks an alias, for how long, and `sys/locked-users`. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../http/root_client.ts";

const WRONG = { errors: ["invalid username or password"] };
const DENIED = { errors: ["permission denied"] };
const MINUTE_MS = 60_000;

interface UserClient extends RootClient {
  readonly accessor: string;
  /** Status and body of a login. */
  login(password: string, user?: string): Promise<readonly [number, unknown]>;
  /** This many logins with a wrong password, one after another. */
  fail(times: number, user?: string): Promise<void>;
  locked(query?: string): Promise<unknown>;
}

async function withAnn(): Promise<UserClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/userpass", { type: "userpass" });
  await client.done("POST", "auth/userpass/users/ann", { password: "right" });
  const mount = await client.ask("GET", "sys/auth/userpass");
  const login: UserClient["login"] = async (password, user = "ann") => {
    const path = `auth/userpass/login/${user}`;
    const { status, json } = await client.ask("POST", path, { password }, null);
    return [status, status === 200 ? null : json];
  };
  return {
    ...client,
    accessor: textAt(mount.json, "data", "accessor"),
    login,
    async fail(times, user) {
      for (let time = 0; time < times; time++) {
        expect(await login("wrong", user)).toEqual([400, WRONG]);
      }
    },
    locked: async (query = "") =>
      at((await client.ask("GET", `sys/locked-users${query}`)).json, "data"),
  };
}

function report(mounts: readonly object[], counts: number) {
  const namespace = { namespace_id: "root", namespace_path: "", counts };
  return { by_namespace: [{ ...namespace, mount_accessors: mounts }], total: counts };
}

describe("five wrong passwords", () => {
  it("five wrong passwords lock a user out, also with the right one and in any letter case", async () => {
    const { fail, login } = await withAnn();
    await fail(4);
    await fail(1, "ANN");
    expect(await login("right")).toEqual([403, DENIED]);
    expect(await login("right", "Ann")).toEqual([403, DENIED]);
    expect(await login("wrong")).toEqual([403, DENIED]);
  });

  it("a locked user is refused before a missing password is reported", async () => {
    const { fail, ask } = await withAnn();
    await fail(5);
    const answer = await ask("POST", "auth/userpass/login/ann", {}, null);
    expect([answer.status, answer.json]).toEqual([403, DENIED]);
  });

  it("a lockout ends after 15 minutes, and further tries do not extend it", async () => {
    const { api, fail, login } = await withAnn();
    await fail(5);
    api.clock.nowMs += 14 * MINUTE_MS;
    expect(await login("wrong")).toEqual([403, DENIED]);
    api.clock.nowMs += MINUTE_MS - 1;
    expect(await login("right")).toEqual([403, DENIED]);
    api.clock.nowMs += 1;
    expect(await login("right")).toEqual([200, null]);
  });

  it("lockouts and counts of wrong passwords survive a restart", async () => {
    const { api, ask, done, fail, login, shares } = await withAnn();
    await done("POST", "auth/userpass/users/bob", { password: "right" });
    await fail(5);
    await fail(4, "bob");
    await api.restart();
    await ask("PUT", "sys/unseal", { key: shares[0] }, null);
    expect(await login("right")).toEqual([403, DENIED]);
    await fail(1, "bob");
    expect(await login("right", "bob")).toEqual([403, DENIED]);
  });

  it("a locked user stays locked when deleted, recreated or given another password", async () => {
    const { done, fail, login } = await withAnn();
    await fail(5);
    await done("POST", "auth/userpass/users/ann/password", { password: "other" });
    expect(await login("other")).toEqual([403, DENIED]);
    await done("DELETE", "auth/userpass/users/ann");
    expect(await login("other")).toEqual([403, DENIED]);
    await done("POST", "auth/userpass/users/ann", { password: "new" });
    expect(await login("new")).toEqual([403, DENIED]);
  });

  it("a lockout does not affect other users or the same name on another mount", async () => {
    const { ask, done, fail, login } = await withAnn();
    await done("POST", "auth/userpass/users/bob", { password: "right" });
    await done("POST", "sys/auth/staff", { type: "userpass" });
    await done("POST", "auth/staff/users/ann", { password: "right" });
    await fail(5);
    expect(await login("right", "bob")).toEqual([200, null]);
    const other = await ask("POST", "auth/staff/login/ann", { password: "right" }, null);
    expect(other.status).toBe(200);
  });
});

describe("lockout settings of a mount", () => {
  async function tuned(config: object): Promise<UserClient> {
    const client = await withAnn();
    await client.done("POST", "sys/auth/userpass/tune", { user_lockout_config: config });
    return client;
  }

  it("a mount's lockout threshold and duration apply to its users", async () => {
    const { api, fail, login } = await tuned({ lockout_threshold: 2, lockout_duration: "1m" });
    await fail(2);
    expect(await login("right")).toEqual([403, DENIED]);
    api.clock.nowMs += MINUTE_MS;
    expect(await login("right")).toEqual([200, null]);
  });

  it("a mount's reset duration restarts the count of wrong passwords", async () => {
    const { api, fail, login } = await tuned({ lockout_counter_reset_duration: "1m" });
    await fail(4);
    api.clock.nowMs += MINUTE_MS + 1;
    await fail(4);
    expect(await login("right")).toEqual([200, null]);
  });

  it("a mount with lockout_disable locks no user and frees those already locked", async () => {
    const { done, fail, locked, login } = await withAnn();
    await fail(5);
    const config = { lockout_disable: true };
    await done("POST", "sys/auth/userpass/tune", { user_lockout_config: config });
    expect(await locked()).toEqual(report([], 0));
    await fail(6);
    expect(await login("right")).toEqual([200, null]);
  });
});

describe("failures without a lockout", () => {
  it("failed logins of an unknown user do not lock it", async () => {
    const { fail, locked } = await withAnn();
    await fail(12, "nobody");
    expect(await locked()).toEqual(report([], 0));
  });

  it("a successful login resets the count of wrong passwords", async () => {
    const { fail, login } = await withAnn();
    await fail(4);
    expect(await login("right")).toEqual([200, null]);
    await fail(4);
    expect(await login("right")).toEqual([200, null]);
  });

  it("wrong passwords more than 15 minutes apart do not add up", async () => {
    const { api, fail, login } = await withAnn();
    await fail(4);
    api.clock.nowMs += 15 * MINUTE_MS + 1;
    await fail(4);
    expect(await login("right")).toEqual([200, null]);
  });

  it("logins without a password do not count towards a lockout", async () => {
    const { ask, login } = await withAnn();
    for (let time = 0; time < 6; time++) {
      expect((await ask("POST", "auth/userpass/login/ann", {}, null)).status).toBe(400);
    }
    expect(await login("right")).toEqual([200, null]);
  });
});

describe("concurrent guesses", () => {
  it("concurrent guesses get five tries, and a later right one is refused", async () => {
    const { login } = await withAnn();
    const guesses = [...Array.from({ length: 9 }, (_, index) => `guess ${index}`), "right"];
    const answers = await Promise.all(guesses.map((guess) => login(guess)));
    const statuses = answers.map(([status]) => status).sort();
    expect(statuses).toEqual([...Array(5).fill(400), ...Array(5).fill(403)]);
  });
});

describe("stored failures", () => {
  it("failures are one record for each alias, and one for all unknown users", async () => {
    const { api, fail, login } = await withAnn();
    const records = async () =>
      (await api.snapshot()).split("\n").filter((line) => /^auth\/.*\/failures\//.test(line));
    await fail(2);
    expect(await records()).toHaveLength(1);
    for (const name of ["x", "y", "z"]) await fail(1, name);
    expect(await records()).toHaveLength(2);
    await login("right");
    expect(await records()).toHaveLength(1);
  });

  it("the failure record does not change while the alias is locked", async () => {
    const { api, fail, login } = await withAnn();
    await fail(5);
    const before = await api.snapshot();
    for (let time = 0; time < 3; time++) await login("wrong");
    expect(await api.snapshot()).toBe(before);
  });
});

describe("five wrong secret ids", () => {
  it("five wrong secret ids lock a role out, and a right one loses no use meanwhile", async () => {
    const { ask, done, locked } = await withAnn();
    await done("POST", "sys/auth/approle", { type: "approle" });
    await done("POST", "auth/approle/role/ci", { role_id: "Ci-Role", secret_id_num_uses: 1 });
    const issued = await ask("POST", "auth/approle/role/ci/secret-id");
    const secretId = textAt(issued.json, "data", "secret_id");
    const login = async (body: object) => {
      const answer = await ask("POST", "auth/approle/login", { role_id: "Ci-Role", ...body }, null);
      return [answer.status, answer.status === 200 ? null : answer.json];
    };
    const wrong = [400, { errors: ["invalid role or secret ID"] }];
    for (let time = 0; time < 5; time++) expect(await login({ secret_id: "x" })).toEqual(wrong);
    expect(await login({ secret_id: secretId })).toEqual([403, DENIED]);
    expect(await login({})).toEqual([403, DENIED]);
    const mount = await ask("GET", "sys/auth/approle");
    const accessor = textAt(mount.json, "data", "accessor");
    const entry = { mount_accessor: accessor, counts: 1, alias_identifiers: ["Ci-Role"] };
    expect(await locked()).toEqual(report([entry], 1));
    await done("POST", `sys/locked-users/${accessor}/unlock/Ci-Role`);
    expect(await login({ secret_id: secretId })).toEqual([200, null]);
  });

  it("failed logins with an unknown role id store nothing", async () => {
    const { api, ask, done } = await withAnn();
    await done("POST", "sys/auth/approle", { type: "approle" });
    const before = await api.snapshot();
    const body = { role_id: "nobody", secret_id: "x" };
    for (let time = 0; time < 6; time++) {
      expect((await ask("POST", "auth/approle/login", body, null)).status).toBe(400);
    }
    expect(await api.snapshot()).toBe(before);
  });
});

describe("sys/locked-users", () => {
  it("sys/locked-users lists the currently locked aliases by mount", async () => {
    const { accessor, api, done, fail, locked } = await withAnn();
    await done("POST", "auth/userpass/users/bob", { password: "right" });
    await fail(4, "bob");
    expect(await locked()).toEqual(report([], 0));
    await fail(5);
    await fail(1, "bob");
    const entry = { mount_accessor: accessor, counts: 2, alias_identifiers: ["ann", "bob"] };
    expect(await locked()).toEqual(report([entry], 2));
    expect(await locked(`?mount_accessor=${accessor}`)).toEqual(report([entry], 2));
    const none = { mount_accessor: "none", counts: 0, alias_identifiers: null };
    expect(await locked("?mount_accessor=none")).toEqual(report([none], 0));
    api.clock.nowMs += 15 * MINUTE_MS;
    expect(await locked()).toEqual(report([], 0));
  });

  it("sys/locked-users unlocks an alias only in its own letter case", async () => {
    const { accessor, done, fail, login } = await withAnn();
    await fail(5);
    await done("POST", `sys/locked-users/${accessor}/unlock/ANN`);
    expect(await login("right")).toEqual([403, DENIED]);
    await done("POST", `sys/locked-users/${accessor}/unlock/ann`);
    expect(await login("right")).toEqual([200, null]);
    await done("POST", "sys/locked-users/none/unlock/ann");
  });

  it("sys/locked-users needs a policy", async () => {
    const { accessor, ask, fail, login, tokenWith } = await withAnn();
    await fail(5);
    const token = await tokenWith('path "kv/*" { capabilities = ["read"] }');
    for (const holder of [token, null]) {
      expect((await ask("GET", "sys/locked-users", null, holder)).status).toBe(403);
      const unlock = await ask("POST", `sys/locked-users/${accessor}/unlock/ann`, {}, holder);
      expect(unlock.status).toBe(403);
    }
    expect(await login("right")).toEqual([403, DENIED]);
  });

  it("sys/locked-users has no other operations", async () => {
    const { accessor, ask } = await withAnn();
    expect((await ask("POST", "sys/locked-users", {})).status).toBe(405);
    expect((await ask("LIST", "sys/locked-users")).status).toBe(404);
    expect((await ask("GET", `sys/locked-users/${accessor}/unlock/ann`)).status).toBe(405);
  });
});

/** Remounts, and smaller sys endpoints: leases of tokens, tools, and facts about the product. */

import { describe, expect, it } from "vitest";
import {
  at,
  POLICY_DENIED,
  textAt,
  textsAt,
  UNSUPPORTED_PATH,
} from "../../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

async function withMounts(): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/mounts/kv", { type: "kv" });
  await client.done("POST", "sys/mounts/other", { type: "kv" });
  await client.done("PUT", "kv/a", { x: "1" });
  await client.done("POST", "sys/auth/people", { type: "userpass" });
  await client.done("POST", "auth/people/users/ann", { password: "x" });
  return client;
}

describe("sys/remount", () => {
  it("sys/remount moves a mount with its data at once", async () => {
    const { ask } = await withMounts();
    const accessor = at((await ask("GET", "sys/mounts")).json, "data", "kv/", "accessor");
    const moved = await ask("POST", "sys/remount", { from: "kv", to: "team/kv/" });
    expect(moved.status).toBe(200);
    const id = textAt(moved.json, "data", "migration_id");
    expect(textAt(moved.json, "migration_id")).toBe(id);
    expect(at(moved.json, "warnings")).toEqual([
      "Mount move has been queued. Progress will be reported in OpenBao's server log, tagged with " +
      "the returned migration_id",
    ]);
    const { json } = await ask("GET", "sys/mounts");
    expect(at(json, "data", "kv/")).toBeUndefined();
    expect(at(json, "data", "team/kv/", "accessor")).toBe(accessor);
    expect(at((await ask("GET", "team/kv/a")).json, "data")).toEqual({ x: "1" });
    expect((await ask("GET", "kv/a")).status).toBe(404);
    const status = await ask("GET", `sys/remount/status/${id}`);
    expect(at(status.json, "data")).toEqual({
      migration_id: id,
      migration_info: { source_mount: "kv/", target_mount: "team/kv/", status: "success" },
    });
  });

  it("a remount and its status survive a restart", async () => {
    const { ask, api, shares } = await withMounts();
    const moved = await ask("POST", "sys/remount", { from: "kv/", to: "kv9/" });
    await api.restart();
    await ask("PUT", "sys/unseal", { key: shares[0] }, null);
    const id = textAt(moved.json, "data", "migration_id");
    expect((await ask("GET", `sys/remount/status/${id}`)).status).toBe(200);
    expect((await ask("GET", "kv9/a")).status).toBe(200);
    expect((await ask("GET", "sys/remount/status/none")).status).toBe(404);
  });

  it("a moved auth method keeps its users, and its tokens end", async () => {
    const { ask } = await withMounts();
    const login = (mount: string) =>
      ask("POST", `auth/${mount}/login/ann`, { password: "x" }, null);
    const token = textAt((await login("people")).json, "auth", "client_token");
    const moved = await ask("POST", "sys/remount", { from: "auth/people", to: "auth/staff" });
    expect(moved.status).toBe(200);
    expect((await login("staff")).status).toBe(200);
    expect((await login("people")).status).toBe(403);
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(403);
  });

  it.each([
    [{ from: "kv" }, "both 'from' and 'to' path must be specified as a string"],
    [{ from: "none", to: "x" }, 'no matching mount at "none/"'],
    [{ from: "kv", to: "other" }, 'path already in use at "other/"'],
    [{ from: "kv", to: "other/sub" }, 'path already in use at "other/"'],
    [{ from: "kv", to: "kv" }, 'path already in use at "kv/"'],
    [{ from: "sys", to: "x" }, 'cannot remount "sys/"'],
    [{ from: "cubbyhole", to: "x" }, 'cannot remount "cubbyhole/"'],
    [{ from: "kv", to: "sys/x" }, "cannot remount to destination sys/x/"],
    [{ from: "kv", to: "auth/x" }, "cannot remount to destination auth/x/"],
    [{ from: "auth/people", to: "kv9" }, 'cannot remount auth mount to non-auth mount "kv9/"'],
    [{ from: "auth/token", to: "auth/x" }, 'cannot remount "auth/token/"'],
    [{ from: "auth/people", to: "auth/token" }, 'cannot remount to destination "auth/token/"'],
    [{ from: "auth/none", to: "auth/x" }, 'no matching mount at "auth/none/"'],
    [{ from: "kv ", to: "x" }, "'from' path cannot contain trailing whitespace"],
    [
      { from: "kv", to: "a/../b" },
      "invalid destination mount: path 'a/../b/' does not match cleaned path 'b/'",
    ],
    [
      { from: "kv", to: "/a//" },
      "invalid destination mount: path 'a//' does not match cleaned path 'a/'",
    ],
    [
      { from: "kv", to: "//" },
      "invalid destination mount: path '/' does not match cleaned path '//'",
    ],
    [
      { from: "kv", to: "a/.." },
      "invalid destination mount: path 'a/../' does not match cleaned path './'",
    ],
    [
      { from: "kv", to: "a\u00a0b" },
      "invalid destination mount: path cannot contain non-printable characters",
    ],
    [{ from: "kv", to: "/" }, 'invalid destination mount path "/"'],
    [{ from: "kv", to: ".." }, 'invalid destination mount path ".."'],
    [{ from: "/", to: "x" }, 'no matching mount at ""'],
    [{ from: "kv/below", to: "x" }, 'no matching mount at "kv/below/"'],
    [{ from: "auth/people", to: "auth/" }, 'path already in use at "auth/people/"'],
  ])("sys/remount refuses %j and changes nothing", async (body, text) => {
    const { ask, api } = await withMounts();
    const before = await api.snapshot();
    const answer = await ask("POST", "sys/remount", body);
    expect([answer.status, answer.json]).toEqual([400, { errors: [text] }]);
    expect(await api.snapshot()).toBe(before);
  });

  it("sys/remount/status without an id is not served", async () => {
    const { ask } = await openRootClient();
    for (const path of ["sys/remount/status", "sys/remount/status/"]) {
      const answer = await ask("GET", path);
      expect([answer.status, answer.json]).toEqual([404, UNSUPPORTED_PATH]);
    }
  });

  it("sys/remount needs sudo", async () => {
    const { ask, tokenWith } = await withMounts();
    const token = await tokenWith('path "sys/remount" { capabilities = ["update"] }');
    const answer = await ask("POST", "sys/remount", { from: "kv", to: "x" }, token);
    expect([answer.status, answer.json]).toEqual([403, POLICY_DENIED]);
  });
});

describe("leases", () => {
  it("each lease endpoint answers for an unknown lease as in Vault", async () => {
    const { ask } = await openRootClient();
    const body = { lease_id: "kv/a/none" };
    const lookup = await ask("PUT", "sys/leases/lookup", body);
    expect([lookup.status, lookup.json]).toEqual([400, { errors: ["invalid lease"] }]);
    for (const path of ["sys/leases/renew", "sys/renew"]) {
      const renewed = await ask("PUT", path, body);
      expect([renewed.status, renewed.json]).toEqual([400, { errors: ["lease not found"] }]);
    }
    for (const path of ["sys/leases/revoke", "sys/revoke", "sys/leases/revoke/kv/a/none"]) {
      expect((await ask("PUT", path, path.endsWith("none") ? {} : body)).status).toBe(204);
    }
    for (const path of ["lookup", "renew", "revoke"]) {
      const missing = await ask("PUT", `sys/leases/${path}`, {});
      expect([missing.status, missing.json]).toEqual([400, {
        errors: ["lease_id must be specified"],
      }]);
    }
    expect(at((await ask("GET", "sys/leases/count?type=irrevocable")).json, "data"))
      .toEqual({ counts: {}, lease_count: 0 });
    const other = await ask("GET", "sys/leases/nothing");
    expect([other.status, other.json]).toEqual([404, UNSUPPORTED_PATH]);
  });

  it("the lease of a token can be listed, looked up and revoked, but not renewed", async () => {
    const client = await withMounts();
    const { ask, done } = client;
    const answer = await ask("POST", "auth/people/login/ann", { password: "x" }, null);
    const token = textAt(answer.json, "auth", "client_token");
    const list = await ask("LIST", "sys/leases/lookup/auth/people/login/ann");
    const [name = ""] = textsAt(list.json, "data", "keys");
    const lease = { lease_id: `auth/people/login/ann/${name}` };
    expect(at((await ask("PUT", "sys/leases/lookup", lease)).json, "data")).toMatchObject({
      id: lease.lease_id,
      path: "auth/people/login/ann",
      renewable: true,
      ttl: 768 * 3600,
    });
    const renewed = await ask("PUT", "sys/leases/renew", lease);
    expect(renewed.json).toEqual({ errors: ["tokens cannot be renewed through this endpoint"] });
    const moved = { lease_id: `auth/people/login/bob/${name}` };
    expect((await ask("PUT", "sys/leases/lookup", moved)).status).toBe(400);
    await done("PUT", "sys/leases/revoke", lease);
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(403);
  });

  it("leases are revoked by prefix, but never the initial root token", async () => {
    const { ask, done, root } = await withMounts();
    const made = await ask("POST", "auth/token/create", { policies: ["a"] });
    const logged = await ask("POST", "auth/people/login/ann", { password: "x" }, null);
    await done("PUT", "sys/leases/revoke-prefix/auth/people");
    const states = async () =>
      await Promise.all([made, logged].map(async ({ json }) => {
        const token = textAt(json, "auth", "client_token");
        return (await ask("GET", "auth/token/lookup-self", null, token)).status;
      }));
    expect(await states()).toEqual([200, 403]);
    await done("PUT", "sys/leases/revoke-force/auth/token");
    expect(await states()).toEqual([403, 403]);
    expect((await ask("GET", "auth/token/lookup-self", null, root)).status).toBe(200);
  });

  it("listing leases and revoking them by prefix need sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith('path "sys/leases/*" { capabilities = ["update", "list"] }');
    for (const [method, path] of [["LIST", "lookup/auth"], ["PUT", "revoke-prefix/auth"]]) {
      const answer = await ask(method ?? "", `sys/leases/${path}`, null, token);
      expect([answer.status, answer.json]).toEqual([403, POLICY_DENIED]);
    }
  });
});

describe("sys/tools", () => {
  it("sys/tools/random gives the requested number of bytes as base64 or hex", async () => {
    const { ask } = await openRootClient();
    const draw = async (path: string, body: object) =>
      textAt((await ask("POST", `sys/tools/${path}`, body)).json, "data", "random_bytes");
    expect(await draw("random", {})).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect(await draw("random/16", { format: "hex" })).toMatch(/^[0-9a-f]{32}$/);
    expect(await draw("random/platform/8", { format: "hex" })).toMatch(/^[0-9a-f]{16}$/);
    expect(await draw("random", { bytes: "4", format: "hex" })).toMatch(/^[0-9a-f]{8}$/);
    for (const body of [{ bytes: 0 }, { bytes: 1 << 20 }, { format: "octal" }]) {
      expect((await ask("POST", "sys/tools/random", body)).status).toBe(400);
    }
  });

  it("sys/tools/hash matches the test vectors of FIPS 180-4", async () => {
    const { ask } = await openRootClient();
    const input = btoa("abc");
    const sum = async (path: string, body: object) =>
      textAt((await ask("POST", `sys/tools/${path}`, { input, ...body })).json, "data", "sum");
    const sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(await sum("hash", {})).toBe(sha256);
    expect(await sum("hash/sha2-224", {}))
      .toBe("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
    expect(await sum("hash", { algorithm: "sha2-384", format: "base64" }))
      .toBe("ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn");
    expect((await ask("POST", "sys/tools/hash/md5", { input })).status).toBe(400);
    expect((await ask("POST", "sys/tools/hash", { input: "*" })).status).toBe(400);
  });
});

describe("product facts", () => {
  it("clients can read the version history, the plugin catalog and that CORS is off", async () => {
    const { ask } = await openRootClient();
    const history = await ask("LIST", "sys/version-history");
    expect(at(history.json, "data", "keys")).toEqual(["test"]);
    expect(at(history.json, "data", "key_info", "test", "previous_version")).toBeNull();
    const catalog = await ask("GET", "sys/plugins/catalog");
    expect(at(catalog.json, "data", "auth")).toEqual(["approle", "userpass"]);
    const kind = await ask("LIST", "sys/plugins/catalog/secret");
    expect(at(kind.json, "data", "keys")).toEqual(["kv", "transit"]);
    const one = await ask("GET", "sys/plugins/catalog/auth/userpass");
    expect(at(one.json, "data")).toMatchObject({ name: "userpass", builtin: true });
    expect((await ask("GET", "sys/plugins/catalog/auth/ldap")).status).toBe(404);
    const cors = await ask("GET", "sys/config/cors");
    expect([at(cors.json, "enabled"), at(cors.json, "data")]).toEqual([false, { enabled: false }]);
  });
});

/** How policies judge names and paths that can be spelled in several ways, case by case. */

import { beforeEach, describe, expect, it } from "vitest";
import { textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../root_client.ts";

const POLICY = 'path "a" { capabilities = ["read"] }';

let client: RootClient;

beforeEach(async () => {
  client = await openRootClient();
  await client.done("PUT", "sys/policies/acl/mine", { policy: POLICY });
});

function rule(path: string, ...words: readonly string[]): string {
  return `path ${JSON.stringify(path)} { capabilities = ${JSON.stringify(words)} }\n`;
}

/** A token with only these rules, which may also ask for its capabilities. */
const tokenWith = (rules: string) =>
  client.tokenWith(rules + rule("sys/capabilities-self", "update"), false);

const status = async (token: string, method: string, path: string, body?: object) =>
  (await client.ask(method, path, body, token)).status;

async function capabilities(token: string, path: string): Promise<unknown> {
  const { json } = await client.ask("POST", "sys/capabilities-self", { paths: [path] }, token);
  return Reflect.get(Object(json), "capabilities");
}

describe.each(["sys/policies/acl", "sys/policy"])("policies below %s", (prefix) => {
  const SPELLINGS = ["mine", "Mine", "MINE", "%20mine", "mine%20", "%20mIne%20"];

  it("a grant on a policy holds for every spelling of its name, in rule and request", async () => {
    for (const written of ["mine", "Mine", " mine", "MI*", "+"]) {
      const token = await tokenWith(rule(`${prefix}/${written}`, "read", "update"));
      for (const asked of SPELLINGS) {
        expect([written, asked, await status(token, "GET", `${prefix}/${asked}`)])
          .toEqual([written, asked, 200]);
      }
      expect(await status(token, "GET", `${prefix}/other`)).toBe(written === "+" ? 404 : 403);
    }
  });

  it("a denied policy cannot be changed under another spelling of its name", async () => {
    const grant = rule(`${prefix}/*`, "create", "read", "update", "delete");
    for (const written of ["mine", "Mine", "MI*", "+"]) {
      const token = await tokenWith(grant + rule(`${prefix}/${written}`, "deny"));
      for (const asked of SPELLINGS) {
        const path = `${prefix}/${asked}`;
        expect(await status(token, "GET", path)).toBe(403);
        expect(await status(token, "PUT", path, { policy: 'path "*" { policy = "sudo" }' })).toBe(
          403,
        );
        expect(await status(token, "DELETE", path)).toBe(403);
        expect(await capabilities(token, decodeURIComponent(path))).toEqual(["deny"]);
      }
    }
    expect((await client.ask("GET", "sys/policies/acl/mine")).json)
      .toMatchObject({ data: { policy: POLICY } });
  });

  it("rules that spell a policy's name differently are united", async () => {
    const token = await tokenWith(
      rule(`${prefix}/mine`, "read") + rule(`${prefix}/Mine`, "update"),
    );
    for (const asked of ["mine", "MINE"]) {
      expect(await capabilities(token, `${prefix}/${asked}`)).toEqual(["read", "update"]);
    }
    expect(await status(token, "PUT", `${prefix}/mine`, { policy: POLICY })).toBe(204);
  });

  it("a policy cannot be written without a name", async () => {
    const { status, json } = await client.ask("PUT", `${prefix}/%20`, { policy: POLICY });
    expect([status, json])
      .toEqual([400, { errors: ["policy name must be provided in the URL"] }]);
  });
});

describe("trailing slashes", () => {
  it("a trailing slash does not get around a denial of a key's metadata", async () => {
    await client.done("POST", "sys/mounts/kv2", { type: "kv", options: { version: "2" } });
    for (const key of ["x", "x/y"]) await client.ask("POST", `kv2/data/${key}`, { data: {} });
    const grant = rule("kv2/*", "create", "read", "update", "delete", "list");
    const denied = await tokenWith(grant + rule("kv2/metadata/x", "deny"));
    for (const path of ["kv2/metadata/x", "kv2/metadata/x/", "kv2/metadata/x%2F"]) {
      expect(await status(denied, "GET", path)).toBe(403);
      expect(await capabilities(denied, decodeURIComponent(path))).toEqual(["deny"]);
    }
    const folder = await tokenWith(grant + rule("kv2/metadata/x/", "deny"));
    expect(await status(folder, "GET", "kv2/metadata/x")).toBe(200);
    expect(await status(folder, "GET", "kv2/metadata/x/")).toBe(403);
    expect(await status(folder, "LIST", "kv2/metadata/x")).toBe(403);
    expect(await capabilities(folder, "kv2/metadata/x/")).toEqual(["deny"]);
    const below = await tokenWith(rule("kv2/metadata/x/*", "read", "list"));
    expect(await status(below, "GET", "kv2/metadata/x/")).toBe(403);
    expect(await status(below, "LIST", "kv2/metadata/x/")).toBe(200);
    expect(await capabilities(below, "kv2/metadata/x/")).toEqual(["list"]);
    const key = await tokenWith(rule("kv2/metadata/x", "read"));
    expect(await status(key, "GET", "kv2/metadata/x/")).toBe(200);
    expect(await capabilities(key, "kv2/metadata/x/")).toEqual(["read"]);
  });

  it.each(["sys/rekey/init", "sys/rotate/root/init", "sys/plugins/catalog"])(
    "a trailing slash of %s is ignored in the request and in the rule",
    async (path) => {
      for (const written of [path, `${path}/`]) {
        const granted = await tokenWith(rule(written, "read"));
        const denied = await tokenWith(rule("sys/*", "read") + rule(written, "deny"));
        for (const asked of [path, `${path}/`]) {
          expect([asked, await status(granted, "GET", asked)]).toEqual([asked, 200]);
          expect([asked, await status(denied, "GET", asked)]).toEqual([asked, 403]);
          expect(await capabilities(granted, asked)).toEqual(["read"]);
          expect(await capabilities(denied, asked)).toEqual(["deny"]);
        }
      }
    },
  );
});

describe("lists of a whole mount", () => {
  it.each(["kv1", "cubbyhole"])("a list of all of %s is judged at its own path", async (mount) => {
    await client.done("POST", "sys/mounts/kv1", { type: "kv" });
    await client.done("PUT", `${mount}/a`, { x: "1" });
    const all = rule("*", "create", "read", "update", "delete", "list", "sudo");
    for (const written of [mount, `${mount}/`, "+/"]) {
      const denied = await tokenWith(all + rule(written, "deny"));
      for (const asked of [mount, `${mount}/`]) {
        expect([written, asked, await status(denied, "LIST", asked)]).toEqual([
          written,
          asked,
          403,
        ]);
        expect(await capabilities(denied, `${mount}/`)).toEqual(["deny"]);
      }
    }
    const granted = await tokenWith(rule(`${mount}/`, "list"));
    expect(await status(granted, "LIST", mount)).toBe(mount === "kv1" ? 200 : 404);
    const other = await tokenWith(rule(`${mount}//`, "list"));
    expect(await status(other, "LIST", mount)).toBe(403);
  });
});

describe("paths below a mount", () => {
  it("a path below sys/mounts/kv shows the mount unless its own path is denied", async () => {
    await client.done("POST", "sys/mounts/kv", { type: "kv" });
    const granted = await tokenWith(rule("sys/mounts/kv/*", "read"));
    expect(await status(granted, "GET", "sys/mounts/kv/below")).toBe(200);
    const denied = await tokenWith(
      rule("sys/mounts/*", "read", "update") + rule("sys/mounts/kv", "deny") +
        rule("sys/mounts/kv/tune", "deny"),
    );
    for (const asked of ["kv", "kv/", "kv/below", "kv%2F", "kv/tune", "kv/below/tune"]) {
      expect([asked, await status(denied, "GET", `sys/mounts/${asked}`)]).toEqual([asked, 403]);
      expect(await capabilities(denied, `sys/mounts/${decodeURIComponent(asked)}`)).not.toContain(
        "read",
      );
    }
    expect(await status(denied, "POST", "sys/mounts/kv/below/tune", {})).toBe(403);
  });
});

describe("transit key versions", () => {
  it("a denied transit key version is not exported under another spelling or as latest", async () => {
    await client.done("POST", "sys/mounts/transit", { type: "transit" });
    await client.ask("POST", "transit/keys/k", { exportable: true });
    await client.ask("POST", "transit/keys/k/rotate", {});
    const path = "transit/export/encryption-key/k";
    const token = await tokenWith(
      rule("transit/export/*", "read") + rule(`${path}/2`, "deny"),
    );
    for (const version of ["2", "v2", "02", "+2", "latest"]) {
      expect([version, await status(token, "GET", `${path}/${version}`)]).toEqual([version, 403]);
      expect(await capabilities(token, `${path}/${version}`)).toEqual(["deny"]);
    }
    expect(await status(token, "GET", `${path}/v1`)).toBe(200);
    const named = await tokenWith(
      rule("transit/export/*", "read") + rule(`${path}/latest`, "deny"),
    );
    for (const version of ["2", "v2", "02", "latest"]) {
      expect([version, await status(named, "GET", `${path}/${version}`)]).toEqual([version, 403]);
    }
    expect(await status(named, "GET", `${path}/1`)).toBe(200);
    const latest = await tokenWith(rule(`${path}/latest`, "read"));
    expect(await status(latest, "GET", `${path}/latest`)).toBe(200);
    expect(await status(latest, "GET", `${path}/2`)).toBe(403);
    const written = await tokenWith(
      rule("transit/export/*", "read") + rule(`${path}/v*`, "deny"),
    );
    expect(await status(written, "GET", `${path}/2`)).toBe(403);
  });
});

describe("users", () => {
  it("a templated policy matches its user in any letter case", async () => {
    await client.done("POST", "sys/auth/up", { type: "userpass" });
    const accessor = String(Reflect.get(
      Object(Reflect.get(Object((await client.ask("GET", "sys/auth/up")).json), "data")),
      "accessor",
    ));
    await client.done("PUT", "sys/policies/acl/own", {
      policy: rule(`auth/up/users/{{identity.entity.aliases.${accessor}.name}}/password`, "update"),
    });
    await client.done("POST", "auth/up/users/Ann", { password: "p", token_policies: ["OWN"] });
    const login = await client.ask("POST", "auth/up/login/ANN", { password: "p" }, null);
    const token = String(
      Reflect.get(Object(Reflect.get(Object(login.json), "auth")), "client_token"),
    );
    expect(await status(token, "POST", "auth/up/users/aNN/password", { password: "q" })).toBe(204);
    expect(await status(token, "POST", "auth/up/users/bob/password", { password: "q" })).toBe(403);
  });

  it("a rule for users of one mount does not match a mount in another letter case", async () => {
    for (const path of ["up", "UP"]) {
      await client.done("POST", `sys/auth/${path}`, { type: "userpass" });
      await client.done("POST", `auth/${path}/users/ann`, { password: "p" });
    }
    const token = await tokenWith(rule("auth/UP/users/ANN", "read"));
    expect(await status(token, "GET", "auth/UP/users/ann")).toBe(200);
    expect(await status(token, "GET", "auth/up/users/ann")).toBe(403);
    const any = await tokenWith(rule("auth/+/users/A*", "read"));
    expect(await status(any, "GET", "auth/up/users/ann")).toBe(200);
  });
});

describe("policy names in a body", () => {
  it.each<[object, number]>([
    [{ policies: ["admin"] }, 403],
    [{ policies: ["Admin"] }, 403],
    [{ policies: [" ADMIN "] }, 403],
    [{ policies: ["mine", "aDmin"] }, 403],
    [{ policies: ["mine"] }, 200],
  ])("denied_parameters match a policy name in every spelling: %j", async (body, expected) => {
    const token = await tokenWith(
      'path "auth/token/create" { capabilities = ["update", "sudo"] ' +
        'denied_parameters = { policies = ["admin"] } }',
    );
    expect(await status(token, "POST", "auth/token/create", body)).toBe(expected);
  });

  it("denied_parameters match policy names in a comma-separated text", async () => {
    await client.done("POST", "sys/auth/up", { type: "userpass" });
    const token = await tokenWith(
      'path "auth/up/users/*" { capabilities = ["create", "update"] ' +
        'denied_parameters = { token_policies = ["Admin"] } }',
    );
    for (const policies of ["admin", "mine,ADMIN", "mine, admin ", ["mine,admin"]]) {
      const body = { password: "p", token_policies: policies };
      expect(await status(token, "POST", "auth/up/users/bob", body)).toBe(403);
    }
    const body = { password: "p", token_policies: "mine,administrators" };
    expect(await status(token, "POST", "auth/up/users/bob", body)).toBe(204);
  });
});

it("sys/capabilities-self refuses more than 1000 paths in a comma-separated text", async () => {
  const paths = Array.from({ length: 1001 }, (_, index) => `p${index}`).join(",");
  const { status, json } = await client.ask("POST", "sys/capabilities-self", { paths });
  expect([status, textAt(json, "errors", 0)])
    .toEqual([400, expect.stringContaining("at most 1000 items")]);
});

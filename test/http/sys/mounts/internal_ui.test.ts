/** What UI and CLI ask first: mounts, capabilities, counters. */

import { beforeEach, describe, expect, it } from "vitest";
import { openRootClient, type RootClient } from "../../root_client.ts";

let client: RootClient;

beforeEach(async () => {
  client = await openRootClient();
  await client.done("POST", "sys/mounts/kv", { type: "kv" });
  await client.done("POST", "sys/mounts/open", {
    type: "kv",
    description: "for all",
    config: { listing_visibility: "unauth" },
  });
  await client.done("POST", "sys/auth/up", {
    type: "userpass",
    config: { listing_visibility: "unauth" },
  });
});

async function answer(
  method: string,
  path: string,
  token: string | null = client.root,
  body: object | null = null,
): Promise<unknown> {
  const { status, json } = await client.ask(method, path, body, token);
  const errors: unknown = Reflect.get(Object(json), "errors");
  const data: unknown = Reflect.get(Object(json), "data");
  return [status, ...(errors === undefined ? [data] : errors as unknown[])];
}

async function mountsFor(token: string | null): Promise<unknown> {
  const [, data] = await answer("GET", "sys/internal/ui/mounts", token) as [number, object];
  const names = (kind: string) => Object.keys(Reflect.get(data, kind) as object).sort();
  return [names("secret"), names("auth")];
}

describe("sys/internal/ui/mounts", () => {
  it("without a token, only unauth mounts are shown, with type and description alone", async () => {
    expect(await answer("GET", "sys/internal/ui/mounts", null)).toEqual([200, {
      secret: { "open/": { description: "for all", options: {}, type: "kv" } },
      auth: { "up/": { description: "", options: {}, type: "userpass" } },
    }]);
  });

  it("sys/internal/ui/mounts shows the mounts a token may use and counts no use of it", async () => {
    const made = await client.ask("POST", "auth/token/create", {
      policies: ["default"],
      num_uses: 1,
    });
    const token = String(
      Reflect.get(Object(Reflect.get(Object(made.json), "auth")), "client_token"),
    );
    for (let round = 0; round < 3; round += 1) {
      expect(await mountsFor(token)).toEqual([
        ["cubbyhole/", "identity/", "open/", "sys/"],
        ["token/", "up/"],
      ]);
    }
    expect((await client.ask("GET", "auth/token/lookup-self", null, token)).status).toBe(200);
    expect((await client.ask("GET", "auth/token/lookup-self", null, token)).status).toBe(403);
  });

  it("sys/internal/ui/mounts refuses a bad token", async () => {
    expect(await answer("GET", "sys/internal/ui/mounts", "bad")).toEqual([
      403,
      "permission denied",
    ]);
  });

  it("the mount of a path is shown to tokens that may use it, and is hidden from others", async () => {
    const token = await client.tokenWith('path "kv/data/a" { capabilities = ["read"] }');
    const [status, data] = await answer("GET", "sys/internal/ui/mounts/kv/data/a", token) as [
      number,
      unknown,
    ];
    expect([status, data]).toMatchObject([200, { path: "kv/", type: "kv" }]);
    const refusal = (path: string) => [
      403,
      "preflight capability check returned 403, please ensure client's policies grant access " +
      `to path "${path}"`,
    ];
    for (const path of ["open/x", "none"]) {
      expect(await answer("GET", `sys/internal/ui/mounts/${path}`, token))
        .toEqual(refusal(`${path}/`));
    }
    const denied = await client.tokenWith('path "kv/*" { capabilities = ["deny"] }');
    expect(await answer("GET", "sys/internal/ui/mounts/kv", denied)).toEqual(refusal("kv/"));
    for (const bad of [null, "bad"]) {
      expect(await answer("GET", "sys/internal/ui/mounts/kv", bad))
        .toEqual([403, "permission denied"]);
    }
  });

  it("sys/internal/ui/mounts with a trailing slash is not served", async () => {
    for (const token of [null, client.root]) {
      expect(await answer("GET", "sys/internal/ui/mounts/", token)).toEqual([
        404,
        "unsupported path",
      ]);
    }
  });
});

describe("sys/internal/ui", () => {
  it("sys/internal/ui/namespaces is empty and needs a token", async () => {
    const token = await client.tokenWith("", false);
    expect(await answer("GET", "sys/internal/ui/namespaces", token)).toEqual([200, {}]);
    expect(await answer("GET", "sys/internal/ui/namespaces", null)).toEqual([
      400,
      "client token empty",
    ]);
    expect(await answer("GET", "sys/internal/ui/namespaces", "bad")).toEqual([
      403,
      "permission denied",
    ]);
  });

  it("resultant-acl orders capabilities as the reference does and gives whole seconds", async () => {
    const token = await client.tokenWith(`
      path "kv/*" { capabilities = ["patch", "scan", "create", "update", "read", "sudo"] }
      path "kv/x" { capabilities = ["deny"] }
      path "kv/y" { capabilities = ["read"] min_wrapping_ttl = "1500ms" }
    `);
    const [, data] = await answer("GET", "sys/internal/ui/resultant-acl", token) as [
      number,
      object,
    ];
    expect(data).toMatchObject({
      root: false,
      glob_paths: {
        "kv/": { capabilities: ["create", "read", "sudo", "update", "patch", "scan"] },
      },
      exact_paths: {
        "kv/x": { capabilities: ["deny"] },
        "kv/y": { capabilities: ["read"], min_wrapping_ttl: 1 },
      },
    });
  });
});

describe("sys/internal/counters and sys/internal/inspect", () => {
  it("sys/internal/counters counts tokens and entities, but no requests", async () => {
    await client.tokenWith("");
    expect(await answer("GET", "sys/internal/counters/tokens"))
      .toEqual([200, { counters: { service_tokens: { total: 2 } } }]);
    expect(await answer("GET", "sys/internal/counters/entities"))
      .toEqual([200, { counters: { entities: { total: 0 } } }]);
    await client.done("POST", "auth/up/users/ann", { password: "p" });
    expect((await client.ask("POST", "auth/up/login/ann", { password: "p" }, null)).status).toBe(
      200,
    );
    expect(await answer("GET", "sys/internal/counters/entities"))
      .toEqual([200, { counters: { entities: { total: 1 } } }]);
    expect(await answer("GET", "sys/internal/counters/requests"))
      .toEqual([404, "The functionality has been removed on this path"]);
    expect(await answer("GET", "sys/internal/counters/tokens", null))
      .toEqual([403, "permission denied"]);
  });

  it("sys/internal/inspect is disabled and needs sudo", async () => {
    const off =
      'the Vault configuration must set "introspection_endpoint" to true to enable this endpoint';
    const plain = await client.tokenWith('path "sys/internal/*" { capabilities = ["read"] }');
    for (const path of ["router/root", "router/accessor", "request"]) {
      expect(await answer("GET", `sys/internal/inspect/${path}`)).toEqual([400, off]);
      expect(await answer("GET", `sys/internal/inspect/${path}`, plain))
        .toEqual([403, "1 error occurred:\n\t* permission denied\n\n"]);
    }
  });
});

describe("sys/capabilities", () => {
  const one = (text: string) => `1 error occurred:\n\t* ${text}\n\n`;

  it("sys/capabilities-self uses the legacy field only if the newer one is empty", async () => {
    const ask = (body: object) => answer("POST", "sys/capabilities-self", client.root, body);
    expect(await ask({ paths: ["a"], path: "b" }))
      .toEqual([200, { a: ["root"], capabilities: ["root"] }]);
    expect(await ask({ paths: [], path: "b" }))
      .toEqual([200, { b: ["root"], capabilities: ["root"] }]);
    expect(await ask({})).toEqual([400, "paths must be supplied"]);
    expect(await ask({ paths: ["a", ""] })).toEqual([400, one("missing path")]);
  });

  it.each<[string, object, string]>([
    ["sys/capabilities", {}, one("no token found")],
    ["sys/capabilities", { token: "", paths: [""] }, one("no token found")],
    ["sys/capabilities", { token: 5, path: "a" }, one("no token found")],
    ["sys/capabilities", { token: null, path: "a" }, one("no token found")],
    [
      "sys/capabilities",
      { token: ["x"], path: "a" },
      'Field validation failed: error converting input for field "token": expected text, got list',
    ],
    ["sys/capabilities", { token: "zz" }, "paths must be supplied"],
    ["sys/capabilities", { token: "zz", path: "a" }, one("invalid token")],
    ["sys/capabilities-accessor", {}, "missing accessor"],
    ["sys/capabilities-accessor", { accessor: "zz", path: "a" }, one("invalid accessor")],
  ])("%s with %j is refused with %j", async (path, body, text) => {
    expect(await answer("POST", path, client.root, body)).toEqual([400, text]);
  });
});

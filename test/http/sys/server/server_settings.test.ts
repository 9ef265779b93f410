/** CORS and UI headers: how the settings are stored and shown, and what CORS does to requests. */

import { describe, expect, it } from "vitest";
import { at, POLICY_DENIED, textAt, unseal } from "../../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../root_client.ts";

const CORS = "sys/config/cors";
const OK = "https://ok.test";

function from(
  { api }: RootClient,
  origin: string,
  method = "GET",
  more: Record<string, string> = {},
) {
  const headers = { Origin: origin, ...more };
  return api.request(method, "/v1/sys/seal-status", { headers });
}

describe("origins", () => {
  it("an Origin header is ignored until some origins are allowed", async () => {
    const client = await openRootClient();
    const answer = await from(client, OK);
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, null]);
    expect(at((await client.ask("GET", CORS)).json, "data")).toEqual({ enabled: false });
  });

  it("an allowed origin is named in every answer, and any other origin is refused", async () => {
    const client = await openRootClient();
    await client.done("PUT", CORS, { allowed_origins: [OK, "https://two.test"] });
    const answer = await from(client, OK);
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, OK]);
    expect(answer.headers.get("vary")).toBe("Origin");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    const headers = { Origin: OK };
    const denied = await client.api.request("GET", "/v1/kv/a", { headers });
    expect([denied.status, denied.headers.get("access-control-allow-origin")]).toEqual([403, OK]);
    for (const method of ["GET", "OPTIONS"]) {
      const other = await from(client, "https://other.test", method);
      expect([other.status, other.json]).toEqual([403, { errors: ["origin not allowed"] }]);
      expect(other.headers.get("access-control-allow-origin")).toBeNull();
    }
    const none = await client.api.request("GET", "/v1/sys/seal-status");
    expect([none.status, none.headers.get("vary")]).toEqual([200, null]);
  });

  it("a preflight request is answered with the allowed methods and headers", async () => {
    const client = await openRootClient();
    const body = { allowed_origins: "*", allowed_headers: "X-Mine", allow_credentials: true };
    await client.done("PUT", CORS, body);
    const ask = (method: string) =>
      from(client, OK, "OPTIONS", { "Access-Control-Request-Method": method });
    const preflight = await ask("PUT");
    expect([preflight.status, preflight.text]).toEqual([200, ""]);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(OK);
    expect(preflight.headers.get("access-control-allow-credentials")).toBe("true");
    expect(preflight.headers.get("access-control-allow-methods")).toBe(
      "DELETE,GET,OPTIONS,POST,PUT,LIST,SCAN",
    );
    expect(preflight.headers.get("access-control-allow-headers")).toMatch(
      /^Content-Type,.*,X-Mine$/,
    );
    for (const method of ["PATCH", ""]) expect((await ask(method)).status).toBe(405);
  });

  it("allowed origins stay in force while the vault is sealed and after a restart", async () => {
    const client = await openRootClient();
    await client.done("PUT", CORS, { allowed_origins: OK });
    await client.ask("PUT", "sys/seal");
    expect((await from(client, "https://other.test")).status).toBe(403);
    await client.api.restart();
    await unseal(client.api, client.shares);
    expect((await from(client, "https://other.test")).status).toBe(403);
    expect((await from(client, OK)).status).toBe(200);
    await client.done("DELETE", CORS);
    expect((await from(client, "https://other.test")).status).toBe(200);
  });
});

describe("sys/config/cors", () => {
  it("sys/config/cors refuses no origin, and the wildcard beside others", async () => {
    const { ask, done } = await openRootClient();
    const refusals: readonly (readonly [object, string])[] = [
      [{}, "at least one origin or the wildcard must be provided"],
      [{ allowed_origins: "" }, "at least one origin or the wildcard must be provided"],
      [{ enable: true }, "at least one origin or the wildcard must be provided"],
      [
        { allowed_origins: ["*", OK] },
        "to allow all origins the '*' must be the only value for allowed_origins",
      ],
    ];
    for (const [body, reason] of refusals) {
      const refused = await ask("PUT", CORS, body);
      expect([refused.status, textAt(refused.json, "errors", 0)])
        .toEqual([400, `1 error occurred:\n\t* ${reason}\n\n`]);
    }
    expect(at((await ask("GET", CORS)).json, "enabled")).toBe(false);
    await done("PUT", CORS, { allowed_origins: `${OK},https://two.test`, enable: false });
    const read = await ask("GET", CORS);
    expect(at(read.json, "data")).toMatchObject({
      enabled: true,
      allowed_origins: [OK, "https://two.test"],
      allow_credentials: false,
    });
    expect(at(read.json, "allowed_origins", 0)).toBe(OK);
  });

  it("sys/config/cors needs sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith(`path "${CORS}" { capabilities = ["update", "read"] }`);
    const refused = await ask("PUT", CORS, { allowed_origins: "*" }, token);
    expect([refused.status, refused.json]).toEqual([403, POLICY_DENIED]);
  });
});

describe("sys/config/ui/headers", () => {
  const PATH = "sys/config/ui/headers";

  it("UI headers are stored under their canonical name and can be deleted", async () => {
    const { ask, done } = await openRootClient();
    expect((await ask("LIST", PATH)).status).toBe(404);
    const set = await ask("PUT", `${PATH}/x-some-thing`, { values: ["v", "w"] });
    expect([set.status, at(set.json, "data"), at(set.json, "warnings")]).toEqual([200, null, null]);
    expect(at((await ask("GET", `${PATH}/X-SOME-THING`)).json, "data")).toEqual({ value: "v" });
    expect(at((await ask("GET", `${PATH}/X-Some-Thing?multivalue=true`)).json, "data"))
      .toEqual({ values: ["v", "w"] });
    await ask("PUT", `${PATH}/A`, { values: "a,b" });
    expect(at((await ask("GET", `${PATH}/a`)).json, "data")).toEqual({ value: "a,b" });
    expect(at((await ask("LIST", PATH)).json, "data", "keys")).toEqual(["A", "X-Some-Thing"]);
    for (const name of ["a", "x-some-thing", "none"]) await done("DELETE", `${PATH}/${name}`);
    expect((await ask("GET", `${PATH}/a`)).status).toBe(404);
  });

  it("UI headers that the server sends itself are refused, and unsafe ones get a warning", async () => {
    const { ask } = await openRootClient();
    const refused = async (name: string, body: object) => {
      const { status, json } = await ask("PUT", `${PATH}/${name}`, body);
      return [status, textAt(json, "errors", 0)];
    };
    const values = "v";
    expect(await refused("a", {})).toEqual([400, "header and values must be specified"]);
    expect(await refused("X-Vault-A", { values })).toEqual([400, "X-Vault headers cannot be set"]);
    expect(await refused("Strict-Transport-Security", { values })).toEqual([
      400,
      "This header already exists in the server configuration and cannot be set in the UI.",
    ]);
    const warned = await ask("PUT", `${PATH}/content-security-policy`, { values });
    expect(textAt(warned.json, "warnings", 0)).toMatch(
      /^overriding default Content-Security-Policy/,
    );
  });
});

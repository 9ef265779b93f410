/** `?help=1`: what a path is for, without serving the request. */

import { describe, expect, it } from "vitest";
import { at, textAt } from "../../contract/api.contract.ts";
import { openRootClient } from "../root_client.ts";

describe("?help=1", () => {
  it("?help=1 describes a sys path in words and as OpenAPI", async () => {
    const { api, ask } = await openRootClient();
    const { status, json } = await ask("GET", "sys/mounts?help=1");
    expect(status).toBe(200);
    expect(Object.keys(Object(json)).sort()).toEqual(["help", "openapi", "see_also"]);
    expect(textAt(json, "help")).toContain("List the secrets engines");
    expect(at(json, "openapi", "paths", "/sys/mounts", "get", "summary")).toBe(
      "List the secrets engines",
    );
    await api.stop();
  });

  it("?help=1 never serves the request: a secret is neither shown nor deleted", async () => {
    const { api, ask, done } = await openRootClient();
    await done("POST", "sys/mounts/kv", { type: "kv" });
    await done("PUT", "kv/garden", { gate: "open sesame" });
    for (const [method, path] of [["GET", "kv/garden"], ["DELETE", "kv/garden"]] as const) {
      const { status, text } = await ask(method, `${path}?help=x`);
      expect([status, text.includes("open sesame")]).toEqual([200, false]);
      expect(text).toContain("Read a secret");
    }
    expect((await ask("GET", "kv/garden")).status).toBe(200);
    const sealed = await ask("PUT", "sys/seal?help=1", {});
    expect(sealed.status).toBe(200);
    expect((await ask("GET", "kv/garden")).status).toBe(200);
    await api.stop();
  });

  it("?help=1 needs a valid token, whatever its policies", async () => {
    const { api, ask, tokenWith } = await openRootClient();
    const token = await tokenWith('path "nothing" { capabilities = ["read"] }', false);
    expect((await ask("GET", "sys/mounts?help=1", null, token)).status).toBe(200);
    expect((await ask("GET", "sys/mounts?help=1", null, null)).status).toBe(403);
    await api.stop();
  });

  it("?help=1 answers 404 for paths that are not served", async () => {
    const { api, ask } = await openRootClient();
    expect((await ask("GET", "sys/none?help=1")).status).toBe(404);
    expect((await ask("GET", "none/x?help=1")).status).toBe(404);
    await api.stop();
  });
});

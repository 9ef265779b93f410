/** `sys/plugins`: the catalog of built-in plugins, refused registrations, and reloads. */

import { describe, expect, it } from "vitest";
import { at } from "../../../contract/api.contract.ts";
import { openRootClient } from "../../root_client.ts";

describe("sys/plugins", () => {
  it("the plugin catalog has the built-in plugins with the version of the product", async () => {
    const { ask } = await openRootClient();
    const dataAt = async (path: string) => at((await ask("GET", path)).json, "data");
    const catalog = await dataAt("sys/plugins/catalog");
    expect(Object.keys(Object(catalog))).toEqual(["auth", "secret", "detailed"]);
    expect(at(catalog, "detailed", 0)).toEqual({
      builtin: true,
      deprecation_status: "supported",
      name: "approle",
      type: "auth",
      version: "vtest+builtin.bao",
    });
    expect(await dataAt("sys/plugins/catalog/secret/kv")).toMatchObject({
      declarative: false,
      oci: false,
      version: "vtest+builtin.bao",
    });
    const statuses = ["secret/none", "secret/kv?version=v1", "secret/kv?version=zz", "secret"]
      .map(async (path) => (await ask("GET", `sys/plugins/catalog/${path}`)).status);
    expect(await Promise.all(statuses)).toEqual([404, 404, 400, 405]);
    expect((await ask("LIST", "sys/plugins/catalog/secret/kv")).status).toBe(405);
  });

  it("deprecated catalog paths without a type do nothing and warn", async () => {
    const { ask } = await openRootClient();
    for (
      const [method, what] of [["GET", "read plugin information"], ["DELETE", "deregister plugin"]]
    ) {
      const answer = await ask(method ?? "", "sys/plugins/catalog/kv");
      expect([answer.status, at(answer.json, "data"), at(answer.json, "warnings")]).toEqual([
        200,
        null,
        [`Deprecated API endpoint, cannot ${what} from catalog for "kv"`],
      ]);
    }
  });

  it.each([
    [{}, "missing SHA-256 value"],
    [{ sha256: "aa" }, "missing command value"],
    [{ sha_256: "zz", command: "x" }, "Could not decode SHA-256 value from Hex"],
    [
      { sha256: "aa", command: "x y", args: ["z"] },
      "must not specify args in command and args field",
    ],
    [
      { version: "1.0.0+builtin" },
      "version \"v1.0.0+builtin\" is not allowed because 'builtin' is a reserved metadata identifier",
    ],
    [
      { sha256: "aa", command: "x" },
      "1 error occurred:\n\t* could not set plugin, plugin directory is not configured\n\n",
    ],
  ])("the catalog refuses to register a plugin with %j", async (body, text) => {
    const { ask, api } = await openRootClient();
    const before = await api.snapshot();
    const answer = await ask("PUT", "sys/plugins/catalog/secret/x", body);
    expect([answer.status, answer.json]).toEqual([400, { errors: [text] }]);
    expect(await api.snapshot()).toBe(before);
  });

  it("a reload succeeds for known plugins and mounts and names unknown ones", async () => {
    const { ask, done } = await openRootClient();
    await done("POST", "sys/mounts/m", { type: "kv" });
    await done("POST", "sys/auth/people", { type: "userpass" });
    for (const body of [{ plugin: "kv" }, { mounts: "m, sys/auth/people/" }]) {
      const { status, json } = await ask("PUT", "sys/plugins/reload/backend", body);
      expect([status, at(json, "data", "reload_id")]).toEqual([200, at(json, "request_id")]);
    }
    const refused: readonly (readonly [object, string])[] = [
      [{}, "plugin or mounts must be provided"],
      [{ plugin: "kv", mounts: ["m"] }, "plugin and mounts cannot be set at the same time"],
      [{ plugin: "none" }, 'plugin not found in the catalog: "none"'],
      [{ plugin: "system" }, 'singleton plugin cannot be reloaded: "system"'],
      [
        { mounts: ["sys"] },
        '1 error occurred:\n\t* cannot reload plugin on "sys/": singleton plugin cannot be ' +
        'reloaded: "system"\n\n',
      ],
      [
        { mounts: ["m", "a", "b/"] },
        '2 errors occurred:\n\t* cannot fetch mount entry on "a/"\n' +
        '\t* cannot fetch mount entry on "b/"\n\n',
      ],
    ];
    for (const [body, text] of refused) {
      const answer = await ask("PUT", "sys/plugins/reload/backend", body);
      expect([answer.status, answer.json]).toEqual([400, { errors: [text] }]);
    }
  });
});

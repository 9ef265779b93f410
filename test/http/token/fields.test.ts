/** Warnings and refusals for the fields of token requests, and lists of token roles. */

import { describe, expect, it } from "vitest";
import {
  at,
  textAt,
  UNSUPPORTED_OPERATION,
  UNSUPPORTED_PATH,
} from "../../contract/api.contract.ts";
import { openRootClient } from "../root_client.ts";

const IGNORED = "Endpoint ignored these unrecognized parameters: [foo]";
const REPLACED = "Endpoint replaced the value of these parameters with the values captured from " +
  "the endpoint's path: [role_name]";

describe("fields of token requests", () => {
  it("token requests warn about unknown fields next to their other warnings", async () => {
    const { ask, done } = await openRootClient();
    const made = await ask("POST", "auth/token/create", { foo: 1, id: "mine", ttl: "1h" });
    expect(at(made.json, "warnings")).toEqual([
      expect.stringContaining("Supplying a custom ID for the token uses the weaker SHA1 hashing"),
      IGNORED,
    ]);
    await done("POST", "auth/token/roles/r", {});
    const body = { foo: 1, role_name: "other", ttl: "1h" };
    const byRole = await ask("POST", "auth/token/create/r", body);
    expect(at(byRole.json, "warnings")).toEqual([IGNORED, REPLACED]);
    const read = await ask("GET", "auth/token/lookup-self?foo=1&token=x");
    expect(at(read.json, "warnings")).toEqual([IGNORED]);
  });

  it("token requests do not warn about known fields, even ignored ones", async () => {
    const { ask } = await openRootClient();
    const made = await ask("POST", "auth/token/create", {
      display_name: "a",
      entity_alias: "",
      explicit_max_ttl: "2h",
      meta: { host: "h1" },
      no_default_policy: true,
      no_parent: true,
      num_uses: "0",
      period: 0,
      policies: ["root"],
      renewable: "true",
      lease: "1h",
      type: "service",
    });
    expect(at(made.json, "warnings")).toBeNull();
    expect(at(made.json, "auth")).toMatchObject({
      policies: ["root"],
      metadata: { host: "h1" },
      lease_duration: 3600,
    });
    const other = await ask("POST", "auth/token/create", { ttl: "1h" });
    const token = textAt(other.json, "auth", "client_token");
    for (const path of ["lookup-self", "renew-self"]) {
      const self = await ask("POST", `auth/token/${path}`, { token: "ignored" }, token);
      expect([self.status, at(self.json, "warnings")], path).toEqual([200, null]);
    }
  });

  it.each([
    ["create", { ttl: ["1h"] }, "ttl", "text, got list"],
    ["create", { policies: { p: 1 } }, "policies", "a list of texts"],
    ["create", { policies: [["p"]] }, "policies", "a list of texts"],
    ["create", { num_uses: "x" }, "num_uses", "an integer, got string"],
    ["create", { meta: "x" }, "meta", "texts by name, or a list of name=value"],
    ["renew-self", { increment: "zz" }, "increment", "a duration, got string"],
  ])("auth/token/%s names the unreadable field of %j", async (path, body, field, wanted) => {
    const { ask } = await openRootClient();
    const answer = await ask("POST", `auth/token/${path}`, body);
    expect([answer.status, answer.json]).toEqual([400, {
      errors: [
        `Field validation failed: error converting input for field "${field}": expected ${wanted}`,
      ],
    }]);
  });
});

describe("token roles", () => {
  it("token roles are listed with and without a slash, and take the same names as in Vault", async () => {
    const { ask, done } = await openRootClient();
    await done("POST", "auth/token/roles/r.1", {});
    for (const path of ["auth/token/roles", "auth/token/roles/"]) {
      expect(at((await ask("LIST", path)).json, "data", "keys"), path).toEqual(["r.1"]);
    }
    for (const name of ["a%20b", "-a", "r.1/x"]) {
      const answer = await ask("POST", `auth/token/roles/${name}`, {});
      expect([answer.status, answer.json], name).toEqual([404, UNSUPPORTED_PATH]);
    }
    const read = await ask("GET", "auth/token/roles");
    expect([read.status, read.json]).toEqual([405, UNSUPPORTED_OPERATION]);
  });
});

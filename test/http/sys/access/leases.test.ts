/** The lease endpoints: odd requests, and leases that could not be revoked. */

import { describe, expect, it } from "vitest";
import {
  type ApiResponse,
  at,
  POLICY_DENIED,
  textAt,
  textsAt,
  UNSUPPORTED_OPERATION,
  UNSUPPORTED_PATH,
} from "../../../contract/api.contract.ts";
import { openRootClient } from "../../root_client.ts";

const NOTHING = [404, { errors: [] }];

function shown({ status, json }: ApiResponse) {
  return [status, json];
}

describe("irrevocable leases", () => {
  it("the list of irrevocable leases is empty, and no other type is served", async () => {
    const { ask } = await openRootClient();
    const asked = async (path: string) => shown(await ask("GET", path));
    for (const path of ["sys/leases", "sys/leases/count"]) {
      for (const query of ["", "?type=", "?type=expired"]) {
        expect(await asked(path + query)).toEqual(NOTHING);
      }
    }
    const list = await ask("GET", "sys/leases?type=irrevocable&limit=none");
    expect(at(list.json, "data")).toEqual({ lease_count: 0, leases: [] });
    const count = await ask("GET", "sys/leases/count?type=irrevocable");
    expect(at(count.json, "data")).toEqual({ counts: {}, lease_count: 0 });
    const refusals = [["x", /^1 error occurred:\n\t\* invalid 'limit' provided: /], [
      "0",
      /positive/,
    ]];
    for (const [limit, reason] of refusals) {
      const refused = await ask("GET", `sys/leases?type=irrevocable&limit=${limit}`);
      expect(refused.status).toBe(400);
      expect(textAt(refused.json, "errors", 0)).toMatch(reason ?? "");
    }
    expect(shown(await ask("PUT", "sys/leases", {}))).toEqual([405, UNSUPPORTED_OPERATION]);
    expect(shown(await ask("LIST", "sys/leases"))).toEqual([404, UNSUPPORTED_PATH]);
  });

  it("listing irrevocable leases needs sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith('path "sys/leases" { capabilities = ["read"] }');
    const refused = await ask("GET", "sys/leases?type=irrevocable", null, token);
    expect(shown(refused)).toEqual([403, POLICY_DENIED]);
  });
});

describe("paths of leases", () => {
  it("sys/leases/lookup lists the top paths of leases, with sudo", async () => {
    const { ask, tokenWith } = await openRootClient();
    expect(shown(await ask("LIST", "sys/leases/lookup"))).toEqual(NOTHING);
    const rule = (more: string) => `path "sys/leases/lookup/*" { capabilities = ["list"${more}] }`;
    const mayNot = await tokenWith(rule(""), false);
    const may = await tokenWith(rule(', "sudo"'), false);
    for (
      const [method, path] of [["LIST", "lookup"], ["LIST", "lookup/"], ["GET", "lookup?list=1"]]
    ) {
      const listed = await ask(method ?? "", `sys/leases/${path}`, null, may);
      expect(textsAt(listed.json, "data", "keys")).toEqual(["auth/"]);
      expect(shown(await ask(method ?? "", `sys/leases/${path}`, null, mayNot)))
        .toEqual([403, POLICY_DENIED]);
    }
  });
});

describe("leases", () => {
  it("a lease id that is not text is refused, and so are bad fields of an unknown lease", async () => {
    const { ask } = await openRootClient();
    for (const name of ["lookup", "renew", "revoke"]) {
      const path = `sys/leases/${name}`;
      for (const id of [5, true, ["x"], {}]) {
        expect(shown(await ask("PUT", path, { lease_id: id })))
          .toEqual([400, { errors: ["invalid lease ID"] }]);
      }
      for (const body of [{ lease_id: null }, { lease_id: "" }, { url_lease_id: "x" }]) {
        expect(shown(await ask("PUT", path, body)))
          .toEqual([400, { errors: ["lease_id must be specified"] }]);
      }
    }
    for (
      const [path, body] of [["renew", { increment: "x" }], ["revoke", { sync: "x" }]] as const
    ) {
      for (const rest of ["", "/none"]) {
        const sent = { ...body, ...(rest === "" ? { lease_id: "none" } : {}) };
        const refused = await ask("PUT", `sys/leases/${path}${rest}`, sent);
        expect(textAt(refused.json, "errors", 0)).toMatch(/^Field validation failed: /);
      }
    }
  });

  it("a revocation with sync=false answers 202 and is done at once", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith('path "x" { capabilities = ["read"] }');
    const path = "auth/token/create";
    const [name = ""] = textsAt(
      (await ask("LIST", `sys/leases/lookup/${path}`)).json,
      "data",
      "keys",
    );
    const body = { lease_id: `${path}/${name}`, sync: false };
    const accepted = await ask("PUT", "sys/leases/revoke", body);
    expect([accepted.status, accepted.text]).toEqual([202, ""]);
    expect((await ask("GET", "auth/token/lookup-self", null, token)).status).toBe(403);
    expect((await ask("PUT", "sys/leases/revoke-prefix/x", { sync: false })).status).toBe(202);
    expect((await ask("PUT", "sys/leases/revoke-prefix/x", { sync: "true" })).status).toBe(204);
    expect((await ask("PUT", "sys/leases/revoke-prefix", {})).status).toBe(404);
  });

  it("the lease of a token that is not renewable cannot be renewed", async () => {
    const { ask } = await openRootClient();
    await ask("POST", "auth/token/create", { renewable: false, policies: ["a"] });
    const path = "auth/token/create";
    const [name = ""] = textsAt(
      (await ask("LIST", `sys/leases/lookup/${path}`)).json,
      "data",
      "keys",
    );
    const refused = await ask("PUT", "sys/leases/renew", { lease_id: `${path}/${name}` });
    expect(shown(refused)).toEqual([400, { errors: ["lease is not renewable"] }]);
  });

  it("sys/leases/tidy answers 202 with a warning", async () => {
    const { ask } = await openRootClient();
    const tidied = await ask("POST", "sys/leases/tidy");
    expect([tidied.status, at(tidied.json, "warnings")]).toEqual([202, [
      "Tidy operation successfully started. Any information from the operation will be printed " +
      "to OpenBao's server logs.",
    ]]);
  });
});

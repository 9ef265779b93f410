/** What the server reports about itself, and features of the reference that it refuses. */

import { describe, expect, it } from "vitest";
import {
  type ApiResponse,
  at,
  initialise,
  POLICY_DENIED,
  textAt,
  UNSUPPORTED_PATH,
} from "../../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "../../memory_api.ts";
import { openRootClient } from "../../root_client.ts";

function shown({ status, json }: ApiResponse) {
  return [status, json];
}

function health(api: MemoryApi, query: string, method = "GET"): Promise<ApiResponse> {
  return api.request(method, `/v1/sys/health?${query}`);
}

describe("health", () => {
  it("sys/health answers with the status codes from its query and ignores unknown ones", async () => {
    const api = await startMemoryApi();
    expect((await health(api, "uninitcode=299")).status).toBe(299);
    expect((await health(api, "uninitcode=%2B298&uninitcode=x")).status).toBe(298);
    await initialise(api, 1, 1);
    for (const query of ["", "standbyok", "standbyok=", "standbyok=true", "activecode=299"]) {
      expect([query, (await health(api, query)).status]).toEqual([query, 503]);
    }
    const ignored = ["perfstandbyok=x", "drsecondarycode=x", "performancestandbycode=1"];
    for (const query of ignored) expect((await health(api, query)).status).toBe(503);
    expect((await health(api, "sealedcode=204")).text).toBe("");
    expect((await health(api, "sealedcode=299", "HEAD")).status).toBe(299);
  });

  it("sys/health refuses status codes that no answer can have", async () => {
    const api = await startMemoryApi();
    for (const query of ["standbyok=yes", "activecode=x", "sealedcode=99", "uninitcode=600"]) {
      expect(shown(await health(api, query))).toEqual([400, { errors: [] }]);
    }
  });
});

describe("step-down", () => {
  it("sys/step-down succeeds without a token in every state, as there is only one node", async () => {
    const api = await startMemoryApi();
    const stepDown = async (token?: string) => {
      const sent = token === undefined ? {} : { token };
      return (await api.request("PUT", "/v1/sys/step-down", sent)).status;
    };
    expect(await stepDown()).toBe(204);
    const { root } = await initialise(api, 1, 1);
    expect([await stepDown(), await stepDown("bad"), await stepDown(root)]).toEqual([
      204,
      204,
      204,
    ]);
    for (const method of ["GET", "LIST", "DELETE"]) {
      const refused = await api.request(method, "/v1/sys/step-down");
      expect(shown(refused)).toEqual([405, { errors: [] }]);
    }
    const rawBody = "{";
    const malformed = await api.request("PUT", "/v1/sys/step-down", { rawBody });
    expect(textAt(malformed.json, "errors", 0)).toMatch(/^failed to decode JSON input: /);
    const headers = { "X-Vault-Namespace": "root" };
    const named = await api.request("PUT", "/v1/sys/step-down", { headers });
    expect(shown(named)).toEqual([400, { errors: ["operation unavailable in namespaces"] }]);
  });
});

describe("seal", () => {
  it("sys/seal refuses a malformed body before it looks at the token", async () => {
    const { api, root } = await openRootClient();
    for (const rawBody of ["{", "[1]"]) {
      for (const token of [root, "bad"]) {
        const refused = await api.request("PUT", "/v1/sys/seal", { token, rawBody });
        expect(refused.status).toBe(400);
        expect(textAt(refused.json, "errors", 0)).toMatch(/^failed to decode JSON input: /);
      }
    }
    const status = await api.request("GET", "/v1/sys/seal-status");
    expect(status.json).toMatchObject({ sealed: false });
  });
});

describe("server facts", () => {
  it("server facts have the address that the client used and the release date", async () => {
    const { ask } = await openRootClient();
    const nodes = at((await ask("GET", "sys/ha-status")).json, "data", "nodes", 0);
    expect(nodes).toMatchObject({ active_node: true, api_address: "http://vault.test" });
    const history = await ask("LIST", "sys/version-history");
    expect(at(history.json, "data", "key_info", "test")).toEqual({
      commit_date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      previous_version: null,
      timestamp_installed: expect.any(String),
    });
    const settings = await ask("GET", "sys/config/state/sanitized");
    expect(at(settings.json, "data")).toMatchObject({
      seals: [{ type: "shamir", disabled: false }],
    });
    expect(Object.keys(Object(at((await ask("GET", "sys/host-info")).json, "data"))))
      .toEqual(["timestamp"]);
  });

  it("sys/in-flight-req lists unanswered requests without their query", async () => {
    const { ask } = await openRootClient();
    await ask("GET", "sys/health");
    const { json } = await ask("GET", "sys/in-flight-req?token=secret");
    const flights = Object.values(Object(json));
    expect(flights).toEqual([expect.objectContaining({
      request_path: "/v1/sys/in-flight-req",
      request_method: "GET",
    })]);
  });

  it("server facts need a policy", async () => {
    const { ask, tokenWith } = await openRootClient();
    const token = await tokenWith('path "x" { capabilities = ["read"] }');
    for (const path of ["config/state/sanitized", "host-info", "in-flight-req"]) {
      expect(shown(await ask("GET", `sys/${path}`, null, token))).toEqual([403, POLICY_DENIED]);
    }
  });

  it("sys/audit-hash refuses an unknown audit device", async () => {
    const { ask } = await openRootClient();
    const refused = await ask("POST", "sys/audit-hash/none", { input: "x" });
    expect(shown(refused)).toEqual([400, { errors: ['unknown audit backend "none/"'] }]);
  });
});

describe("missing features", () => {
  it("features that this server does not have are listed as empty and not found", async () => {
    const { ask } = await openRootClient();
    const missing = [
      ["LIST", "sys/namespaces"],
      ["SCAN", "sys/namespaces"],
      ["GET", "sys/namespaces/one"],
      ["LIST", "sys/quotas/rate-limit"],
      ["GET", "sys/quotas/rate-limit/one"],
    ] as const;
    for (const [method, path] of missing) {
      expect([path, ...shown(await ask(method, path))]).toEqual([path, 404, { errors: [] }]);
    }
    expect(at((await ask("GET", "sys/loggers")).json, "data")).toEqual({});
    expect(at((await ask("GET", "sys/config/auditing/request-headers")).json, "headers")).toEqual(
      {},
    );
    expect(shown(await ask("GET", "sys/quotas"))).toEqual([404, UNSUPPORTED_PATH]);
    const removed = await ask("DELETE", "sys/namespaces/one");
    expect(at(removed.json, "warnings")).toEqual(["requested namespace does not exist"]);
  });

  it("features that this server does not have cannot be created, with a reason", async () => {
    const { ask } = await openRootClient();
    const refusals: readonly (readonly [string, object, string | RegExp])[] = [
      ["sys/namespaces/one", {}, /^cannot create a namespace/],
      ["sys/namespaces/a/b", {}, "namespace name cannot contain /"],
      ["sys/namespaces/root", {}, /^"root\/" is a reserved path/],
      ["sys/namespaces/api-lock/lock", {}, "root namespace cannot be locked/unlocked"],
      ["sys/namespaces/api-lock/unlock/x", {}, "requested namespace does not exist"],
      ["sys/quotas/rate-limit/one", {}, "'rate' is invalid"],
      ["sys/quotas/rate-limit/one", { rate: "-1" }, "'rate' is invalid"],
      ["sys/quotas/rate-limit/one", { rate: 5 }, /^cannot create a quota/],
      ["sys/quotas/config", { rate_limit_exempt_paths: ["a"] }, /^cannot set quotas/],
      ["sys/loggers", {}, "level is required"],
      ["sys/loggers", { level: "" }, "level is empty"],
      ["sys/loggers", { level: "x" }, "invalid level provided: unknown log level: x"],
      ["sys/loggers", { level: "info" }, /^cannot set the level/],
      ["sys/loggers/core", { level: "info" }, 'logger "core" not found'],
      ["sys/config/auditing/request-headers/x", {}, /^cannot add a request header/],
      ["sys/control-group/request", {}, "1 error occurred:\n\t* missing accessor\n\n"],
      ["sys/control-group/authorize", { accessor: "x" }, /invalid accessor/],
    ];
    for (const [path, body, wanted] of refusals) {
      const { status, json } = await ask("PUT", path, body);
      expect([path, status]).toEqual([path, 400]);
      expect(textAt(json, "errors", 0)).toMatch(wanted);
    }
    const header = await ask("GET", "sys/config/auditing/request-headers/x");
    expect(shown(header)).toEqual([400, { errors: ["Could not find header in config"] }]);
  });

  it("sys/mfa/validate needs no token and knows no request", async () => {
    const { ask } = await openRootClient();
    const validate = async (body: object) =>
      shown(await ask("PUT", "sys/mfa/validate", body, null));
    expect(await validate({})).toEqual([400, { errors: ["missing request ID"] }]);
    expect(await validate({ mfa_request_id: "x" })).toEqual([400, {
      errors: ["invalid request ID"],
    }]);
  });
});

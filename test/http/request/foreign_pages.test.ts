/** A browser's request for a page of another site changes nothing without a valid token. */

import { describe, expect, it } from "vitest";
import { type ApiResponse, at, initialiseOpen, textAt } from "../../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "../memory_api.ts";
import { mountEngines } from "../stages.ts";

const HOST = "127.0.0.1:8200";
/** As browsers send them. The last rows are pages whose name was made to resolve to this server. */
const FOREIGN: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["another site", { origin: "http://evil.test", host: HOST, "sec-fetch-site": "cross-site" }],
  ["another site, by an older browser", { origin: "http://evil.test", host: HOST }],
  ["another port of this host", {
    origin: "http://127.0.0.1:3000",
    host: HOST,
    "sec-fetch-site": "same-site",
  }],
  ["a file or a sandboxed frame", { origin: "null", host: HOST }],
  ["another site, without its origin", { host: HOST, "sec-fetch-site": "cross-site" }],
  ["a name that was bound to this address", {
    origin: "http://evil.test:8200",
    host: "evil.test:8200",
    "sec-fetch-site": "same-origin",
  }],
  ["a scheme that is not of the web", { origin: `evil://${HOST}`, host: HOST }],
  ["this address, as no browser writes it", { origin: `http://${HOST}/`, host: HOST }],
  ["a name that looks like an address", {
    origin: "http://127.0.0.1.evil.test:8200",
    host: "127.0.0.1.evil.test:8200",
  }],
];

const OWN: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ["a client that is not a browser", {}],
  ["a client that is not a browser, with any host", { host: "evil.test:8200" }],
  ["a page of this address", {
    origin: `http://${HOST}`,
    host: HOST,
    "sec-fetch-site": "same-origin",
  }],
  ["a page of this IPv6 address", { origin: "http://[::1]:8200", host: "[::1]:8200" }],
  ["a page of localhost", { origin: "http://localhost:8200", host: "LOCALHOST:8200" }],
  ["a page of this name, by TLS", { origin: "https://vault.test", host: "vault.test" }],
];

const INIT = { secret_shares: 1, secret_threshold: 1 };
const OPEN = { rekeyAccess: "open" } as const;

async function isInitialised(api: MemoryApi): Promise<unknown> {
  return at((await api.request("GET", "/v1/sys/seal-status")).json, "initialized");
}

function expectRefused(answer: ApiResponse): void {
  expect(answer.status).toBe(403);
  expect(textAt(answer.json, "errors", 0)).toContain("a page of another site");
}

describe.each(FOREIGN)("a page of %s", (_name, headers) => {
  it("a foreign page cannot initialise the vault or submit a share", async () => {
    const api = await startMemoryApi();
    for (const method of ["PUT", "POST"]) {
      expectRefused(await api.request(method, "/v1/sys/init", { headers, body: INIT }));
    }
    expect(await isInitialised(api)).toBe(false);
    const { keys } = (await api.request("PUT", "/v1/sys/init", { body: INIT })).json as {
      keys: readonly string[];
    };
    const body = { key: keys[0] };
    expectRefused(await api.request("PUT", "/v1/sys/unseal", { headers, body }));
    const bogus = { ...headers, "x-vault-token": "s.bogus" };
    expectRefused(await api.request("PUT", "/v1/sys/unseal", { headers: bogus, body }));
    expect(at((await api.request("GET", "/v1/sys/seal-status")).json, "sealed")).toBe(true);
    await api.stop();
  });

  it("a foreign page cannot begin or cancel a rekey that needs no token, or log in", async () => {
    const api = await startMemoryApi(OPEN);
    const { root } = await initialiseOpen(api, 3, 2);
    await api.request("POST", "/v1/sys/auth/up", { token: root, body: { type: "userpass" } });
    const user = { password: "right", policies: "default" };
    await api.request("POST", "/v1/auth/up/users/ann", { token: root, body: user });
    const body = { secret_shares: 1, secret_threshold: 1 };
    expectRefused(await api.request("PUT", "/v1/sys/rekey/init", { headers, body }));
    expectRefused(
      await api.request("POST", "/v1/auth/up/login/ann", { headers, body: { password: "right" } }),
    );
    await api.request("PUT", "/v1/sys/rekey/init", { body });
    expectRefused(await api.request("DELETE", "/v1/sys/rekey/init", { headers }));
    expect(at((await api.request("GET", "/v1/sys/rekey/init")).json, "started")).toBe(true);
    await api.stop();
  });

  it("a foreign page with a valid token, or on a public path, is served", async () => {
    const api = await startMemoryApi(OPEN);
    const { root } = await initialiseOpen(api, 3, 2);
    await mountEngines(api, root);
    const put = { token: root, headers, body: { a: "b" } };
    expect((await api.request("PUT", "/v1/kv/a", put)).status).toBe(204);
    expect((await api.request("GET", "/v1/sys/health", { headers })).status).toBe(200);
    expectRefused(await api.request("PUT", "/v1/kv/a", { ...put, token: "s.guess" }));
    await api.stop();
  });
});

describe.each(OWN)("a request of %s", (_name, headers) => {
  it("a request that is not from a foreign page is served without a token", async () => {
    const api = await startMemoryApi();
    expect((await api.request("PUT", "/v1/sys/init", { headers, body: INIT })).status).toBe(200);
    await api.stop();
  });
});

describe("foreign pages without TLS", () => {
  const NAMES = [["https://vault.test", "vault.test"], [
    "https://evil.test:8200",
    "evil.test:8200",
  ]];
  it.each(NAMES)("without TLS, a page of %s is foreign whatever the host", async (origin, host) => {
    const api = await startMemoryApi({ isReachedByTls: false });
    const headers = { origin: origin!, host: host! };
    expectRefused(await api.request("PUT", "/v1/sys/init", { headers, body: INIT }));
    await api.stop();
  });

  it("without TLS, a page of the server's own address is served", async () => {
    const api = await startMemoryApi({ isReachedByTls: false });
    const headers = { origin: `http://${HOST}`, host: HOST };
    expect((await api.request("PUT", "/v1/sys/init", { headers, body: INIT })).status).toBe(200);
    await api.stop();
  });
});

describe("allowed origins", () => {
  it.each([["https://ui.test"], ["*"]])(
    "a page of an origin that the operator allows as %s is served without a token",
    async (allowed) => {
      const api = await startMemoryApi(OPEN);
      const { root, shares } = await initialiseOpen(api, 3, 2);
      const setting = { token: root, body: { allowed_origins: [allowed] } };
      expect((await api.request("PUT", "/v1/sys/config/cors", setting)).status).toBe(204);
      const headers = { origin: "https://ui.test", "sec-fetch-site": "cross-site" };
      const init = await api.request("PUT", "/v1/sys/rekey/init", { headers, body: INIT });
      expect(init.status).toBe(200);
      const status = await api.request("PUT", "/v1/sys/unseal", {
        headers,
        body: { key: shares[0] },
      });
      expect(status.status).toBe(200);
      await api.stop();
    },
  );
});

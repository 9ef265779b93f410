import { afterEach, describe, expect, it, vi } from "vitest";
import { drainedRequest } from "../../src/runtimes/workers/drained_request.ts";
import { handOver, takeOver } from "../../src/runtimes/workers/hand_over.ts";
import worker from "../../src/runtimes/workers/workers.ts";
import { newObject } from "./objects.ts";

const HEADER = "x-sealwright-target";

/** A request as it arrives with `Content-Length: 0`: with a body, which is empty. */
function withEmptyBody(method: string, path: string): Request {
  const request = new Request(`http://vault.test${path}`, {
    method: "PUT",
    body: new Uint8Array(),
  });
  return Object.defineProperty(request, "method", { value: method });
}

describe("handing over to the object", () => {
  it.each(["GET", "HEAD"])("handing over a %s request drops its empty body", (method) => {
    const handed = handOver(withEmptyBody(method, "/v1/a?b"), false);
    expect([handed.method, handed.body, handed.redirect]).toEqual([method, null, "manual"]);
    expect(handed.headers.get(HEADER)).toBe("/v1/a?b");
    expect(drainedRequest(withEmptyBody(method, "/v1/a")).request.body).toBeNull();
  });

  it("handing over a request keeps its body and its raw target", async () => {
    const headers = { [HEADER]: "/v1/a/./b\\c", "x-vault-token": "t" };
    const sent = new Request("http://vault.test/v1/x", { method: "PUT", headers, body: "abc" });
    const { request, env } = takeOver(handOver(sent, true));
    expect(env.rawTarget).toBe("/v1/a/./b\\c");
    expect(new URL(request.url).pathname).toBe("/v1/a/b/c");
    expect(request.headers.get("x-vault-token")).toBe("t");
    expect(request.headers.has(HEADER)).toBe(false);
    expect(await request.text()).toBe("abc");
  });

  it("the Host of the client can be set only by the product's own server", () => {
    const headers = { host: "client", "x-sealwright-host": "named" };
    const hostOf = (isLocal: boolean) => {
      const sent = new Request("http://client/v1/a", { headers });
      const { request } = takeOver(handOver(sent, isLocal));
      expect(request.headers.has("x-sealwright-host")).toBe(false);
      return request.headers.get("host");
    };
    expect([hostOf(true), hostOf(false)]).toEqual(["named", "client"]);
  });

  it("a request goes to its own target even if its headers name another", () => {
    const headers = { [HEADER]: "/v1/other", host: "h/v1/other?" };
    const sent = new Request("http://h/v1/other?/v1/real", { headers });
    const { env } = takeOver(handOver(sent, false));
    expect(env.rawTarget).toBe("/v1/real");
  });
});

describe("Worker", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("the Worker serves GET and HEAD with an empty body", async () => {
    const vault = newObject("VAULT");
    const env = { VAULT: { idFromName: () => null, get: () => vault } };
    const status = async (method: string) =>
      (await worker.fetch(withEmptyBody(method, "/v1/sys/health"), env as never)).status;
    expect([await status("GET"), await status("HEAD")]).toEqual([501, 501]);
  });

  it("the Worker logs why the object could not be reached, and answers 503 without the reason", async () => {
    const lines = vi.spyOn(console, "log").mockImplementation(() => {});
    const fetch = () => Promise.reject(new Error("the reason"));
    const env = { VAULT: { idFromName: () => null, get: () => ({ fetch }) } };
    const response = await worker.fetch(new Request("http://vault.test/v1/a"), env as never);
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain("the reason");
    expect(JSON.parse(String(lines.mock.calls[0]?.[0]))).toMatchObject({
      level: "error",
      reason: "the reason",
    });
  });
});

/** Every runtime, started by its npm script, gives the same answers to raw bytes. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, type Run, run, SCRIPTS, start } from "./processes.ts";
import { exchange, statuses } from "./raw_exchange.ts";

const TIMEOUT_MS = 90_000;
const POLL_MS = 50;
const STATUS = "/v1/sys/seal-status";

function get(target: string, ...headers: readonly string[]): string {
  return [`GET ${target} HTTP/1.1`, "Host: h", ...headers, "", ""].join("\r\n");
}

function put(headers: string, body = "{}"): string {
  const length = `Content-Length: ${body.length}`;
  return `PUT /v1/sys/unseal HTTP/1.1\r\n${headers}\r\n${length}\r\n\r\n${body}`;
}

function unseal(headers: string, body: string): string {
  return `PUT /v1/sys/unseal HTTP/1.1\r\nHost: h\r\n${headers}\r\n\r\n${body}`;
}

const chunked = "Transfer-Encoding: chunked";
const many = Array.from({ length: 128 }, (_, i) => `X-${i}: 1`);
const noKey = "'key' must be specified";

const CASES: readonly (readonly [what: string, bytes: string, status: string, part: string])[] = [
  ["GET", get(STATUS), "200", '"initialized":false'],
  ["GET with Content-Length: 0", get(STATUS, "Content-Length: 0"), "200", '"sealed":true'],
  ["GET with an empty chunked body", get(STATUS, chunked) + "0\r\n\r\n", "200", '"sealed":true'],
  ["GET with a body", get(STATUS, "Content-Length: 3") + "abc", "200", '"sealed":true'],
  [
    "HEAD with Content-Length: 0",
    "HEAD /v1/sys/health HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
    "501",
    "HTTP/1.1 501",
  ],
  ["128 headers", get(STATUS, ...many), "200", '"sealed":true'],
  [
    "Upgrade with a body, as Java's client sends it first",
    unseal("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2", "{}"),
    "400",
    noKey,
  ],
  ["a Host with a path", `GET ${STATUS} HTTP/1.1\r\nHost: h/v1/sys/health?\r\n\r\n`, "400", "Host"],
  ["a dot segment", get("/v1/sys/./seal-status"), "307", `location: ${STATUS}`],
  ["two dots", get("/v1/x/../sys/seal-status?a=b"), "307", `location: ${STATUS}?a=b`],
  ["encoded dots", get("/v1/x/%2e%2e/sys/seal-status"), "400", "relative paths not supported"],
  ["an empty segment", get("/v1//sys/seal-status"), "307", `location: ${STATUS}`],
  ["dots and a number sign", get("/v1/x/../sys/#a"), "307", "location: /v1/sys/%23a"],
  ["encoded dots and a number sign", get("/v1/%2e%2e/#"), "400", "relative paths not supported"],
  ["a number sign where a URL has a host", get("//[#"), "404", '"errors":[]'],
  ["a page of this server", put("Host: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1"), "400", noKey],
  [
    "a page of another server, with a header by which the Worker's parts talk",
    put("Host: h\r\nOrigin: http://127.0.0.1:1\r\nX-Sealwright-Host: 127.0.0.1:1"),
    "403",
    "a page of another site",
  ],
  [
    "a page of this name over TLS, which is not in use",
    put("Host: h\r\nOrigin: https://h"),
    "403",
    "page",
  ],
  ["a target in absolute form", get(`http://x${STATUS}`), "200", '"sealed":true'],
  ["a chunked body", unseal(chunked, "2\r\n{}\r\n0\r\n\r\n"), "400", noKey],
  ["a broken chunk", unseal(chunked, "zz\r\n{}\r\n0\r\n\r\n"), "400", "malformed request"],
  ["a body that ends early", unseal("Content-Length: 9", "{}"), "400", "ended too early"],
  ["both framings", unseal(`Content-Length: 2\r\n${chunked}`, "{}"), "400", "malformed request"],
  [
    "a header by which the Worker's parts talk",
    get("/v1/nowhere", `X-Sealwright-Target: ${STATUS}`),
    "503",
    "Vault is sealed",
  ],
];

describe.each(SCRIPTS)("npm run %s", (script) => {
  let port: number;
  let process: Run;
  beforeAll(async () => {
    port = await freePort();
    process = run(script, {
      SEALWRIGHT_DATA: ":memory:",
      SEALWRIGHT_LISTEN: `127.0.0.1:${port}`,
    });
    while (!process.output().includes('"message":"serving"')) {
      if (process.child.exitCode !== null) throw new Error(process.output());
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }, TIMEOUT_MS);
  afterAll(async () => {
    process.child.kill("SIGTERM");
    expect(await process.ended).toBe(0);
    for (const line of process.output().trim().split("\n")) {
      expect(JSON.parse(line)).toMatchObject({ level: "info" });
    }
  }, TIMEOUT_MS);

  it.each(CASES)(
    `npm run ${script} answers like every other runtime: %s`,
    async (_what, bytes, status, part) => {
      const received = await exchange(port, bytes);
      expect(statuses(received)).toEqual([status]);
      expect(received).toContain(part);
    },
  );

  it(`npm run ${script} refuses a body that is too large with 413, chunked or not`, async () => {
    const bytes = 33 * 1024 * 1024;
    const received = await exchange(
      port,
      unseal(`Content-Length: ${bytes}`, ""),
      new Uint8Array(bytes),
    );
    expect(statuses(received)).toEqual(["413"]);
    const piece = `${(1024 * 1024).toString(16)}\r\n${"x".repeat(1024 * 1024)}\r\n`;
    const pieces = Array.from({ length: 33 }, () => piece);
    expect(statuses(await exchange(port, unseal(chunked, ""), ...pieces, "0\r\n\r\n")))
      .toEqual(["413"]);
  });
});

describe("npm run start:workers", () => {
  it("npm run start:workers passes audit devices and the rate limit on to the Worker", async () => {
    const vault = await start("start:workers", {
      SEALWRIGHT_DATA: ":memory:",
      SEALWRIGHT_AUDIT_CONSOLE: "1",
      SEALWRIGHT_RATE_LIMIT: "1/3",
    });
    try {
      const call = async (method: string, path: string, body?: object, token = "") => {
        const response = await fetch(`${vault.url}/v1/${path}`, {
          method,
          headers: { "x-vault-token": token },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: response.status, text: await response.text() };
      };
      const made = await call("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
      const { keys, root_token: token } = JSON.parse(made.text) as {
        readonly keys: readonly string[];
        readonly root_token: string;
      };
      await call("PUT", "sys/unseal", { key: keys[0] });
      expect((await call("GET", "sys/audit", undefined, token)).text).toContain(
        "settings/console/",
      );
      expect(vault.output()).toContain('"type":"response"');
      const tries = Array.from({ length: 5 }, () => call("PUT", "sys/unseal", { key: "00" }));
      expect((await Promise.all(tries)).map(({ status }) => status)).toContain(429);
    } finally {
      await vault.stop("SIGKILL");
    }
  }, TIMEOUT_MS);

  it("npm run start:workers refuses an audit file because a Worker has no files", async () => {
    const { ended, output } = run("start:workers", {
      SEALWRIGHT_DATA: ":memory:",
      SEALWRIGHT_AUDIT_FILE: "audit.log",
    });
    expect(await ended).toBe(1);
    expect(output()).toContain("SEALWRIGHT_AUDIT_FILE cannot be set");
  }, TIMEOUT_MS);
});

describe("npm start", () => {
  it("npm start reports an invalid port in one line", async () => {
    const { ended, output } = run("start", {
      SEALWRIGHT_DATA: ":memory:",
      SEALWRIGHT_LISTEN: "127.0.0.1:99999",
    });
    expect(await ended).toBe(1);
    expect(output().trim().split("\n")).toHaveLength(1);
    expect(output()).toContain("SEALWRIGHT_LISTEN must be");
  }, TIMEOUT_MS);

  it("npm start can reach an audit collector that was named by request", async () => {
    let lines = 0;
    const collector = createServer((incoming, outgoing) => {
      incoming.on("data", () => lines += 1).on("end", () => outgoing.writeHead(204).end());
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    const vault = await start("start", { SEALWRIGHT_DATA: ":memory:" });
    try {
      const call = async (method: string, path: string, body: object, token = "") =>
        await fetch(`${vault.url}/v1/${path}`, {
          method,
          headers: { "x-vault-token": token },
          body: JSON.stringify(body),
        });
      const made = await call("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
      const { keys, root_token: token } = await made.json() as {
        readonly keys: readonly string[];
        readonly root_token: string;
      };
      await call("PUT", "sys/unseal", { key: keys[0] });
      const device = { type: "http", options: { uri: `http://localhost:${port}/` } };
      expect((await call("PUT", "sys/audit/collector", device, token)).status).toBe(204);
      expect(lines).toBeGreaterThan(0);
    } finally {
      await vault.stop("SIGKILL");
      await new Promise((resolve) => collector.close(resolve));
    }
  }, TIMEOUT_MS);
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RawClient, type Runtime, RUNTIMES, startEcho, statuses } from "./raw_exchange.ts";
import { freePort, run, SCRIPTS } from "./processes.ts";

const TIMEOUT_MS = 60_000;
const get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const CURVES = ["one", "two"] as const;

let folder: string;
const path = (name: string): string => join(folder, name);
const text = (name: string): string => readFileSync(path(name), "utf8");

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sealwright-tls-"));
  const make = (name: string, ...algorithm: readonly string[]): void => {
    const files = ["-keyout", path(`${name}.key`), "-out", path(`${name}.crt`)];
    const flags = ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    execFileSync("openssl", [...flags, ...algorithm, ...files], { stdio: "ignore" });
  };
  for (const name of CURVES) make(name, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256");
  make("rsa", "-newkey", "rsa:2048");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(Object.keys(RUNTIMES) as Runtime[])("TLS server on %s", (runtime) => {
  it(
    `the TLS server on ${runtime} serves, and ends stalled handshakes and idle connections`,
    async () => {
      const bounds = { headMs: 200, idleMs: 200, connections: 5 };
      const echo = await startEcho(runtime, bounds, {
        cert: text("one.crt"),
        key: text("one.key"),
      });
      try {
        const client = new RawClient(echo.port, true);
        await client.send(get);
        expect(statuses(await client.closed)).toEqual(["200"]);
        expect(await new RawClient(echo.port).closed).toBe("");
        const plain = new RawClient(echo.port);
        await plain.send(get);
        expect(await plain.closed).not.toContain("HTTP/");
        const idlers = Array.from({ length: 20 }, () => new RawClient(echo.port));
        const next = new RawClient(echo.port, true);
        await next.send(get);
        expect(statuses(await next.closed)).toEqual(["200"]);
        await Promise.all(idlers.map(({ closed }) => closed));
        expect(await echo.stop()).toBe(0);
      } finally {
        echo.kill();
      }
    },
    TIMEOUT_MS,
  );
});

describe.each(SCRIPTS)(
  "TLS settings of npm run %s",
  (script) => {
    it.each([
      ["another key of its kind", "one.crt", "two.key", "is not the key of"],
      ["a key of another kind", "one.crt", "rsa.key", "is not the key of"],
      ["no key", "one.crt", "one.crt", "is not readable"],
    ])(
      `npm run ${script} does not start with a certificate and %s`,
      async (_what, cert, key, reason) => {
        const { ended, output } = run(script, {
          SEALWRIGHT_DATA: ":memory:",
          SEALWRIGHT_LISTEN: `127.0.0.1:${await freePort()}`,
          SEALWRIGHT_TLS_CERT: path(cert),
          SEALWRIGHT_TLS_KEY: path(key),
        });
        expect(await ended).toBe(1);
        expect(output()).toContain(reason);
      },
      TIMEOUT_MS,
    );
  },
);

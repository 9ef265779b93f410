/**
 * The product's own OpenAPI description against the product: schemathesis asks every operation with
 * values that the schemas allow and values that they do not, and compares each answer with what is
 * described. A fixed seed and number of examples bound the run.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { initialiseOpen } from "../contract/api.contract.ts";
import { start, type Started } from "../runtimes/processes.ts";
import { missingPython, pythonPackages } from "./programs.ts";

const RUN_MAX_MS = 300_000;
const missing = missingPython();

/** Faults, statuses, content types, headers and bodies that are not as described. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
];

/** What would end the vault, the token or the audit trail that the run itself needs. */
const EXCLUDED =
  "^/sys/(seal|init|step-down)$|revoke-self|revoke-prefix|revoke-force|^/sys/audit/" +
  // Its status is what the query asks for.
  "|^/sys/health$";

let server: Started;
let token: string;

beforeAll(async () => {
  if (missing !== null) return;
  server = await start("start:node", {
    SEALWRIGHT_DATA: ":memory:",
    SEALWRIGHT_RATE_LIMIT: "off",
  });
  const ask = async (method: string, path: string, body?: unknown, as?: string) => {
    const response = await fetch(server.url + path, {
      method,
      headers: as === undefined ? {} : { "X-Vault-Token": as },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === "" ? null : JSON.parse(text);
    return { status: response.status, headers: response.headers, text, json };
  };
  const opened = await initialiseOpen(
    {
      request: (method, path, request = {}) => ask(method, path, request.body, request.token),
      restart: async () => {},
      stop: async () => {},
    },
    1,
    1,
  );
  token = opened.root;
  for (const [path, body] of SITE) {
    const { status, text } = await ask("POST", `/v1/${path}`, body, token);
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
  }
}, RUN_MAX_MS);

/** One of each engine and auth method, with something in it. */
const SITE: readonly (readonly [path: string, body: object])[] = [
  ["sys/mounts/kv", { type: "kv" }],
  ["sys/mounts/secret", { type: "kv", options: { version: "2" } }],
  ["sys/mounts/transit", { type: "transit" }],
  ["sys/auth/userpass", { type: "userpass" }],
  ["sys/auth/approle", { type: "approle" }],
  ["kv/0", { a: "1" }],
  ["secret/data/0", { data: { a: "1" } }],
  ["transit/keys/0", {}],
  ["auth/userpass/users/0", { password: "long enough" }],
  ["auth/approle/role/0", {}],
];

afterAll(async () => {
  if (missing === null) await server.stop();
});

describe(`schemathesis${missing === null ? "" : ` (skipped: no ${missing})`}`, () => {
  it.skipIf(missing !== null)(
    "finds no fault and no answer that the OpenAPI description does not foresee",
    async () => {
      const folder = await pythonPackages("schemathesis");
      const { status, output } = await run(folder, [
        ...["-m", "schemathesis.cli", "run"],
        `${server.url}/v1/sys/internal/specs/openapi`,
        ...["--header", `X-Vault-Token: ${token}`],
        ...["--checks", CHECKS.join(",")],
        ...["--phases", "coverage,fuzzing", "--max-examples", "2", "--seed", "7"],
        ...["--exclude-path-regex", EXCLUDED],
        ...["--workers", "2", "--generation-database", "none", "--no-color", "--warnings", "off"],
      ]);
      expect(status, output).toBe(0);
      const tested = Number(/Tested: +(\d+)/.exec(output)?.[1]);
      expect(tested).toBeGreaterThan(300);
    },
    RUN_MAX_MS,
  );
});

function run(
  packages: string,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly output: string }> {
  const child = spawn("python3", args, {
    // It leaves a folder where it runs.
    cwd: packages,
    env: { PATH: process.env["PATH"], PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => output += String(chunk));
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}

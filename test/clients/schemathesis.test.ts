/**
 * Tests the product against its own OpenAPI description: schemathesis sends every operation values
 * that the schemas allow and values that they do not, and compares each answer with the description.
 * A fixed seed and number of examples bound the run.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSite, type Site } from "./open_site.ts";
import { missingPython, pythonPackages } from "./programs.ts";

const RUN_MAX_MS = 300_000;
const missing = missingPython();

/** Server errors, and statuses, content types, headers and bodies that are not as described. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
];

/** Operations that would end the vault, the token or the audit trail that the run needs. */
const EXCLUDED =
  "^/sys/(seal|init|step-down)$|revoke-self|revoke-prefix|revoke-force|^/sys/audit/" +
  // Its query chooses its status.
  "|^/sys/health$";

let site: Site;

beforeAll(async () => {
  if (missing === null) site = await openSite();
}, RUN_MAX_MS);

afterAll(async () => {
  if (missing === null) await site.stop();
});

describe(`schemathesis${missing === null ? "" : ` (skipped: no ${missing})`}`, () => {
  it.skipIf(missing !== null)(
    "schemathesis finds no server error and no answer outside the OpenAPI description",
    async () => {
      const folder = await pythonPackages("schemathesis");
      const { status, output } = await run(folder, [
        ...["-m", "schemathesis.cli", "run"],
        `${site.url}/v1/sys/internal/specs/openapi`,
        ...["--header", `X-Vault-Token: ${site.token}`],
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
    // schemathesis leaves a folder where it runs.
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

/**
 * The product's OpenAPI description as client generators use it: two validators accept it, and the
 * clients from three generators compile, write secrets and read them back.
 */

import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSite } from "./open_site.ts";
import { missingJava, missingPython, nodePackages, pythonPackages } from "./programs.ts";

const RUN_MAX_MS = 300_000;
const OUTPUT_MAX_BYTES = 16 * 1024 * 1024;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAMS = fileURLToPath(new URL("openapi", import.meta.url));
const execute = promisify(execFile);
/** openapi-generator is a Java program in a Python package. */
const missing = missingPython() ?? missingJava();

const GATE = {
  gate: "open sesame",
  guards: 2,
  shifts: ["day", "night"],
  hours: { from: "8" },
};
/** The report that each program in `openapi/` must give. */
const READ = {
  kv1: GATE,
  kv2: GATE,
  version: 1,
  owner: { owner: "head gardener" },
  listed: ["north"],
  ttl: 90 * 60,
  missing: 404,
};

const folder = mkdtempSync(join(tmpdir(), "sealwright-openapi-"));
const DOCUMENT = "openapi.json";

beforeAll(async () => {
  const packages = await nodePackages("openapi");
  symlinkSync(join(packages, "node_modules"), join(folder, "node_modules"));
  const site = await openSite();
  try {
    const response = await fetch(`${site.url}/v1/sys/internal/specs/openapi`, {
      headers: { "X-Vault-Token": site.token },
    });
    expect(response.status).toBe(200);
    writeFileSync(join(folder, DOCUMENT), await response.text());
  } finally {
    await site.stop();
  }
}, RUN_MAX_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the OpenAPI description", () => {
  it("redocly finds no error or warning in the OpenAPI description", async () => {
    const cli = "node_modules/@redocly/cli/bin/cli.js";
    const report = JSON.parse(await run("node", [cli, "lint", DOCUMENT, "--format=json"]));
    expect(report).toMatchObject({ problems: [] });
  }, RUN_MAX_MS);

  it("a client with types from openapi-typescript writes and reads secrets", async () => {
    const cli = "node_modules/openapi-typescript/bin/cli.js";
    await run("node", [cli, DOCUMENT, "--output", "schema.d.ts"]);
    expect(await runTyped("typed_secrets.ts")).toEqual(READ);
  }, RUN_MAX_MS);
});

describe(`openapi-generator${missing === null ? "" : ` (skipped: no ${missing})`}`, () => {
  it.skipIf(missing !== null)("openapi-generator finds no issue in the description", async () => {
    expect(await generator(["validate", "-i", DOCUMENT, "--recommend"]))
      .toContain("No validation issues detected");
  }, RUN_MAX_MS);

  it.skipIf(missing !== null)("a generated Python client writes and reads secrets", async () => {
    await generate("python", "python");
    const packages = [join(folder, "python"), await pythonPackages("openapi")].join(delimiter);
    const report = await withSite((settings) =>
      run("python3", [join(PROGRAMS, "python_secrets.py")], {
        ...settings,
        PYTHONPATH: packages,
        PYTHONDONTWRITEBYTECODE: "1",
      })
    );
    expect(JSON.parse(report)).toEqual({ ...READ, writesNull: false });
  }, RUN_MAX_MS);

  it.skipIf(missing !== null)(
    "a generated TypeScript client writes and reads secrets",
    async () => {
      await generate("typescript-fetch", "generated");
      expect(await runTyped("generated_secrets.ts")).toEqual(READ);
    },
    RUN_MAX_MS,
  );
});

async function generate(language: string, output: string): Promise<void> {
  const only = "apiDocs=false,modelDocs=false,apiTests=false,modelTests=false";
  await generator(["generate", "-i", DOCUMENT, "-g", language, "-o", output].concat([
    "--global-property",
    only,
  ]));
}

async function generator(args: readonly string[]): Promise<string> {
  const packages = await pythonPackages("openapi");
  const jar = join(packages, "openapi_generator_cli", "openapi-generator.jar");
  return await run("java", ["-jar", jar, ...args]);
}

/** Type-checks a program with the code generated for it, runs it, and gives its report. */
async function runTyped(program: string): Promise<unknown> {
  for (const name of [program, "tsconfig.json"]) {
    copyFileSync(join(PROGRAMS, name), join(folder, name));
  }
  const file = join(folder, program);
  const config = program.replace(/ts$/, "json");
  writeFileSync(
    join(folder, config),
    JSON.stringify({
      extends: "./tsconfig.json",
      compilerOptions: { typeRoots: [join(ROOT, "node_modules", "@types")] },
      files: [program],
    }),
  );
  await run(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", config]);
  const built = join(folder, program.replace(/ts$/, "mjs"));
  buildSync({ entryPoints: [file], outfile: built, bundle: true, platform: "node", format: "esm" });
  return JSON.parse(await withSite((settings) => run("node", [built], settings)));
}

/** Gives one program a vault of its own. */
async function withSite(
  program: (settings: Readonly<Record<string, string>>) => Promise<string>,
): Promise<string> {
  const site = await openSite();
  try {
    return await program({ API: `${site.url}/v1`, TOKEN: site.token });
  } finally {
    await site.stop();
  }
}

/** Runs a program in the folder of the description. Gives its stdout, or fails with its output. */
async function run(
  program: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  try {
    const { stdout } = await execute(program, args, {
      cwd: folder,
      env: { PATH, HOME, REDOCLY_TELEMETRY: "off", ...settings },
      maxBuffer: OUTPUT_MAX_BYTES,
    });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed; it wrote:\n${stdout}${stderr}`, {
      cause: error,
    });
  }
}

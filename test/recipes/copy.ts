/**
 * Test helper: a copy of the project in a temporary folder, to follow a recipe in. Gives edits of its
 * files, what the compiler says of it, and which of its tests fail. Packages are those of the project.
 */

import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PARTS = [
  ...["src", "test", "docs", "scripts", "package.json"],
  ...["tsconfig.json", "tsconfig.runtimes.json", "tsconfig.test.json"],
  ...["README.md", "SECURITY.md", "CONTRIBUTING.md"],
];

/** Checks of the whole source that take no second. */
const CHECKS = [
  "test/rooms.test.ts",
  "test/docs/tables.test.ts",
  "test/docs/bounds.test.ts",
  "test/storage/key_records.test.ts",
];
/** The project `unit` alone: the others take longer to load than these tests to run. */
const CONFIG = `export default {
  test: {
    globalSetup: ["test/secrecy/collect.ts"],
    include: ["test/**/*.test.ts"],
    pool: "threads",
    isolate: false,
  },
};
`;
const CONFIG_FILE = "recipes.config.mjs";
const ACCESS_TABLE = "test/http/access_table.test.ts";
/** Of the access table only what is asked of the dummy. */
const TITLES = "^(?!every endpoint )|dummy";

/** Generous: a compiler and a test runner, a few times each, on a busy machine. */
export const RECIPE_MAX_MS = 180_000;

type Project = "tsconfig.json" | "tsconfig.runtimes.json" | "tsconfig.test.json";

export class Copy {
  readonly #folder = realpathSync(mkdtempSync(join(tmpdir(), "sealwright-recipe-")));

  constructor() {
    for (const part of PARTS) {
      cpSync(join(ROOT, part), join(this.#folder, part), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.#folder, "node_modules"));
    this.write(CONFIG_FILE, CONFIG);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  read(file: string): string {
    return readFileSync(join(this.#folder, file), "utf8");
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.#folder, file)), { recursive: true });
    writeFileSync(join(this.#folder, file), text);
  }

  /** Replaces the one place where `old` stands. */
  replace(file: string, old: string, by: string): void {
    const parts = this.read(file).split(old);
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places with ${old}`);
    this.write(file, parts.join(by));
  }

  /** Adds lines behind the one place where `old` stands. */
  addBehind(file: string, old: string, lines: string): void {
    this.replace(file, old, `${old}${lines}`);
  }

  /** Files in which the compiler finds mistakes. */
  async miscompiled(project: Project): Promise<readonly string[]> {
    const cache = ["--incremental", "--tsBuildInfoFile", `${project}.cache`];
    const { status, output } = await this.#run("node_modules/.bin/tsc", ["-p", project, ...cache]);
    const files = [...output.matchAll(/^(\S+)\(\d+,\d+\): error /gm)].map(([, file = ""]) => file);
    if ((status === 0) !== (files.length === 0)) throw new Error(`tsc: ${status} ${output}`);
    return [...new Set(files)].toSorted();
  }

  /** Tests that fail in the checks, the given files, and with `access` of the access table. */
  async failing(files: readonly string[] = [], access?: "access"): Promise<readonly string[]> {
    const report = join(this.#folder, "report.json");
    const { output } = await this.#run(process.execPath, [
      "node_modules/vitest/vitest.mjs",
      ...["run", "--config", CONFIG_FILE],
      ...["--reporter", "json", "--outputFile", report, "--testNamePattern", TITLES],
      ...[...CHECKS, ...files, ...(access === undefined ? [] : [ACCESS_TABLE])],
    ]);
    const results = readReport(readFileSync(report, "utf8"));
    rmSync(report);
    const idle = results.filter(({ assertionResults }) => !assertionResults.some(isRun));
    if (idle.length > 0) throw new Error(`${idle.map(({ name }) => name)}: no test ran: ${output}`);
    return results.flatMap(({ name, assertionResults }) =>
      assertionResults.filter(({ status }) => status === "failed").map(({ title }) =>
        `${relative(this.#folder, name).replaceAll("\\", "/")}: ${title}`
      )
    ).toSorted();
  }

  async #run(program: string, words: readonly string[]) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST"));
    const child = spawn(program, words, {
      cwd: this.#folder,
      env: Object.fromEntries(inherited),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: RECIPE_MAX_MS,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => output += String(chunk));
    }
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve);
    });
    return { status, output };
  }
}

interface FileReport {
  readonly name: string;
  readonly assertionResults: readonly TestReport[];
}

interface TestReport {
  readonly title: string;
  readonly status: string;
}

function readReport(text: string): readonly FileReport[] {
  return (JSON.parse(text) as { readonly testResults: readonly FileReport[] }).testResults;
}

function isRun({ status }: TestReport): boolean {
  return status === "passed" || status === "failed";
}

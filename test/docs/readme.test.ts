/** What the documents name is there, and README's ceremony prints what it shows. */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openNodeSqlite } from "../../src/runtimes/local/node_sqlite.ts";
import { SETTING_NAMES } from "../../src/runtimes/settings.ts";
import * as recordPaths from "../../src/storage/record_paths.ts";
import { start, type Started } from "../runtimes/processes.ts";
import { codeSpans, examples, fences, section, withoutFences } from "./markdown.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENTS = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "src/README.md"] as const;
const CEREMONY = "A ceremony in five minutes";
const ADDRESS = "http://127.0.0.1:8200";
const TIMEOUT_MS = 120_000;

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const missing = ["bash", "curl"].filter((tool) => spawnSync(tool, ["--version"]).status !== 0);

/** Printed between the outputs of two blocks. */
const MARK = "-- end of block --";

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  /** The output of each block. */
  readonly printed: readonly string[];
}

/** Runs the blocks as they are, one after another, in one shell. */
async function runInOneShell(blocks: readonly string[], directory: string): Promise<Outcome> {
  const file = join(directory, "session.sh");
  writeFileSync(file, blocks.map((block) => `${block}\nprintf '%s\\n' '${MARK}'\n`).join(""));
  const inherited = Object.entries(process.env).filter(([name]) => !/^(VAULT|BAO)_/.test(name));
  const child = spawn("bash", [file], {
    cwd: directory,
    env: Object.fromEntries(inherited),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => stdout += String(chunk));
  child.stderr.on("data", (chunk) => stderr += String(chunk));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, stderr, printed: stdout.split(`${MARK}\n`).slice(0, -1) };
}

/** `…` in a document stands for any text within one line. */
function patternOf(prints: string): RegExp {
  const escaped = prints.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", "[^\\n]+");
  return new RegExp(`^${escaped}$`);
}

describe("the ceremony in README.md", () => {
  let directory: string;
  let vault: Started | null;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sealwright-readme-"));
    vault = null;
  });
  afterEach(async () => {
    await vault?.stop("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  });

  const reason = missing.length === 0 ? "" : ` (skipped: there is no ${missing.join(" and no ")})`;
  it.skipIf(missing.length > 0)(
    `the ceremony in README.md prints what it shows when its blocks are pasted${reason}`,
    async () => {
      const steps = examples(section(read("README.md"), CEREMONY));
      const all = steps.map(({ commands }) => commands).join("");
      expect(all.split(ADDRESS)).toHaveLength(2);

      vault = await start("start", { SEALWRIGHT_DATA: join(directory, "data") });
      const { url } = vault;
      const blocks = steps.map(({ commands }) => commands.replace(ADDRESS, url));
      const { status, stderr, printed } = await runInOneShell(blocks, directory);
      expect(stderr).toBe("");
      expect(printed).toHaveLength(steps.length);
      for (const [index, { prints }] of steps.entries()) {
        expect(printed[index]).toMatch(patternOf(prints));
      }
      expect(status).toBe(0);
    },
    TIMEOUT_MS,
  );

  it("the ceremony in README.md shows its output and ends with the secret it began with", () => {
    const steps = examples(section(read("README.md"), CEREMONY));
    expect(steps.filter(({ prints }) => prints !== "").length).toBeGreaterThanOrEqual(8);
    expect(steps.at(-1)?.prints).toContain("open sesame");
  });
});

describe.each(DOCUMENTS)("%s", (file) => {
  const text = read(file);

  it(`${file} names only npm scripts that exist`, () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run ([\w:-]+)|npm (start|test)\b/g)];
    for (const [, script, short] of named) expect(scripts).toHaveProperty([script ?? short ?? ""]);
  });

  it(`${file} names only settings that exist`, () => {
    const named = text.match(/SEALWRIGHT_[A-Z_]+/g) ?? [];
    for (const name of named) expect(SETTING_NAMES).toContain(name);
  });

  it(`${file} names only files that exist`, () => {
    const named = codeSpans(text).filter((span) => /^[\w./-]+\.(ts|mjs|toml|md|json)$/.test(span));
    const files = new Set(
      ["src", "test", "scripts"].flatMap((folder) =>
        readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
          .map((name) => join(folder, name))
      ),
    );
    for (const name of named) {
      const inTree = [...files].some((path) => path === name || path.endsWith(`/${name}`));
      expect(inTree || existsSync(join(ROOT, name)), name).toBe(true);
    }
  });

  it.skipIf(missing.includes("bash"))(`${file} has shell blocks that parse`, () => {
    for (const { language, code } of fences(text)) {
      if (language !== "sh") continue;
      expect(spawnSync("bash", ["-n"], { input: code, encoding: "utf8" }).stderr).toBe("");
    }
  });
});

describe("src/README.md", () => {
  const text = read("src/README.md");

  it("src/README.md lists the deviations D1 to D21", () => {
    const rules = [...section(text, "Deviations").matchAll(/^\| (D\d+) *\|/gm)].map((row) =>
      row[1]
    );
    expect(rules).toEqual(Array.from({ length: 21 }, (_, index) => `D${index + 1}`));
  });
});

describe("the documents", () => {
  it.each(DOCUMENTS)("%s has no line above 120 characters outside of tables", (file) => {
    const prose = withoutFences(read(file)).split("\n").filter((line) => !line.startsWith("|"));
    expect(prose.filter((line) => line.length > 120)).toEqual([]);
  });
});

describe("README.md", () => {
  it("README.md's command reads the messages of a lost answer from a stopped vault's file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lost-answer-"));
    try {
      const store = openNodeSqlite(join(folder, "data", "sealwright.db"));
      const bytes = new TextEncoder().encode("the messages");
      const path = recordPaths.deliveryPath("barrier");
      await store.commit({ writes: [{ path, bytes, sealKeyId: null }] });
      await store.close();
      const command = read("README.md").split("\n")
        .find((line) => line.includes("core/delivery/barrier")) ?? "";
      const words = command.replace("npx node", `"${process.execPath}"`);
      const { stdout } = spawnSync("sh", ["-c", words], { cwd: folder, encoding: "utf8" });
      expect(stdout.trim()).toBe("the messages");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("SECURITY.md", () => {
  it("the tests that SECURITY.md cites exist", () => {
    const cited = [...read("SECURITY.md").matchAll(/\[((?:`[\w./-]+`,?\s*)+)\]/g)]
      .flatMap(([, names = ""]) => [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ""));
    expect(cited.length).toBeGreaterThan(10);
    const found = (name: string) =>
      ["", ".test"].some((suffix) =>
        existsSync(new URL(`../${name}${suffix}.ts`, import.meta.url))
      );
    expect(cited.filter((name) => !found(name))).toEqual([]);
  });
});

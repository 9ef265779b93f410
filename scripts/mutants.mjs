/**
 * Applies each fault in `test/mutants/` to a copy of the source, runs the tests it names, and
 * expects them to fail. A surviving mutant shows a fault that no test notices. Arguments: mutant
 * names, which are paths below `test/mutants/` without `.patch`; defaults to all. Works in its own
 * temporary directory and removes it. Exits with status 1 if a mutant survives, does not apply or
 * does not compile, or if the tests fail without a mutant.
 */

import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { applyMutant, readMutants } from "../test/mutants/patches.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COPIED = ["src", "test", "package.json", "tsconfig.json", "tsconfig.runtimes.json"];
const VITEST = ["vitest/vitest.mjs", "run", "--config", "test/vitest.config.ts"];
/** A type error does not count as a kill: a mutant must be a fault that could ship. */
const CHECKS = [".", "tsconfig.runtimes.json"].map((file) => ["typescript/bin/tsc", "-p", file]);
/** A mutant that makes the tests hang is an error and must be replaced. */
const RUN_MAX_MS = 15 * 60 * 1000;

const children = new Set();

function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Runs a package's program in the copy. Returns its status and all output. */
function run(tree, [program, ...args]) {
  const child = spawn(process.execPath, [join(tree, "node_modules", program), ...args], {
    cwd: tree,
    timeout: RUN_MAX_MS,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => output += text);
  }
  return new Promise((resolve) => {
    child.on("close", (status) => {
      children.delete(child);
      resolve({ status, output });
    });
  });
}

/** Returns the titles of failing tests, at most one per file. Throws if a file could not run. */
async function failures(tree, tests) {
  const report = join(tree, "report.json");
  rmSync(report, { force: true });
  const options = ["--project", "unit", "--bail", "1", "--reporter=json", `--outputFile=${report}`];
  const { output } = await run(tree, [...VITEST, ...options, ...tests]);
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8")).testResults;
  } catch {
    throw new Error(`the tests did not run:\n${output.trim()}`);
  }
  const broken = results.find(({ status, assertionResults }) =>
    status === "failed" && assertionResults.every((test) => test.status !== "failed")
  );
  if (broken !== undefined) throw new Error(`the tests did not run: ${broken.message}`);
  return results.flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
}

async function tryMutant(tree, mutant) {
  applyMutant(mutant, tree);
  try {
    for (const check of CHECKS) {
      const { status, output } = await run(tree, check);
      if (status !== 0) throw new Error(`the mutant does not compile:\n${output.trim()}`);
    }
    return await failures(tree, mutant.tests);
  } finally {
    applyMutant(mutant, tree, "--reverse");
  }
}

function chosen(mutants, names) {
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(", ")}`);
  return names.length === 0 ? mutants : mutants.filter(({ name }) => names.includes(name));
}

async function tryAll(tree, mutants) {
  for (const name of COPIED) cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))];
  const red = await failures(tree, tests);
  if (red.length > 0) throw new Error(`these tests fail without a mutant: ${red.join("; ")}`);
  const counts = { killed: 0, survived: 0, errors: 0 };
  for (const mutant of mutants) {
    try {
      const [killer] = await tryMutant(tree, mutant);
      counts[killer === undefined ? "survived" : "killed"] += 1;
      const outcome = killer === undefined ? `SURVIVED: ${mutant.fault}` : `killed: ${killer}`;
      say(`${mutant.name}: ${outcome}`);
    } catch (error) {
      counts.errors += 1;
      say(`${mutant.name}: ERROR: ${error.message}`);
    }
  }
  say(`${counts.killed} killed, ${counts.survived} survived`);
  return counts.survived === 0 && counts.errors === 0;
}

const tree = realpathSync(mkdtempSync(join(tmpdir(), "sealwright-mutants-")));
const clear = () => rmSync(tree, { recursive: true, force: true });
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of children) child.kill();
    clear();
    process.exit(1);
  });
}
try {
  const mutants = chosen(readMutants(join(ROOT, "test/mutants")), process.argv.slice(2));
  if (!await tryAll(tree, mutants)) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`mutants: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  clear();
}

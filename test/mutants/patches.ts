/**
 * Reads and applies mutants: patches that each put one fault into the source, which the tests they
 * name must find. They lie in a folder for each room of `src/`. A patch begins with a line that says
 * what breaks and which promise that is, and a line `tests: <paths below test/>`.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";

export interface Mutant {
  /** Path below the directory of mutants, without `.patch`. */
  readonly name: string;
  readonly path: string;
  /** What breaks, and which promise. */
  readonly fault: string;
  /** Relative to the tree, as are `files`. */
  readonly tests: readonly string[];
  /** What the patch changes. */
  readonly files: readonly string[];
}

const SUFFIX = ".patch";
const HEAD = /^# (.+)\ntests: (.+)\n\n(?=--- )/;

/**
 * Every mutant in a directory and the folders below it, by name. Throws Error, naming the file, when
 * a head is malformed.
 */
export function readMutants(directory: string): readonly Mutant[] {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(SUFFIX)).sort().map((file) => {
    const path = join(directory, file);
    const text = readFileSync(path, "utf8");
    const [, fault, tests] = HEAD.exec(text) ?? [];
    if (fault === undefined || tests === undefined) {
      throw new Error(`${file}: wanted "# <what breaks>", "tests: <paths>", a blank line, a diff`);
    }
    return {
      name: file.slice(0, -SUFFIX.length),
      path,
      fault,
      tests: tests.split(" ").map((test) => `test/${test}`),
      files: [...text.matchAll(/^--- a\/(.+)$/gm)].map(([, changed = ""]) => changed),
    };
  });
}

/**
 * Runs `git apply` in a tree, which need not be a repository. Throws Error, naming the mutant, when
 * the patch does not apply; then nothing was changed.
 */
export function applyMutant(
  { name, path }: Mutant,
  tree: string,
  ...options: readonly string[]
): void {
  const { GIT_DIR: _directory, GIT_WORK_TREE: _workTree, ...inherited } = process.env;
  // Inside another repository, git would look for the files at the top of that one.
  const env = { ...inherited, GIT_CEILING_DIRECTORIES: dirname(tree) };
  const { status, stderr, error } = spawnSync("git", ["apply", ...options, path], {
    cwd: tree,
    env,
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`the patch ${name} no longer applies: ${stderr.trim()}`);
}

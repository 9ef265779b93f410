/** Checks that the mutants are well formed. `npm run soak:mutants` checks that tests find them. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { applyMutant, readMutants } from "./patches.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const MUTANTS = readMutants(join(ROOT, "test/mutants"));
const hasGit = spawnSync("git", ["--version"]).status === 0;

describe("mutants", () => {
  it("there are at least fifty mutants, no two with the same fault", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(50);
    expect(new Set(MUTANTS.map(({ fault }) => fault)).size).toBe(MUTANTS.length);
  });

  it("every mutant changes only files in src/ and names tests that exist", () => {
    for (const { name, files, tests } of MUTANTS) {
      expect(files.length, name).toBeGreaterThan(0);
      for (const file of files) expect(file, name).toMatch(/^src\//);
      for (const file of tests) expect(existsSync(join(ROOT, file)), `${name}: ${file}`).toBe(true);
    }
  });

  it.runIf(hasGit)("every mutant still applies to the source", () => {
    for (const mutant of MUTANTS) applyMutant(mutant, ROOT, "--check");
  });
});

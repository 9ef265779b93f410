/** The mutants stay what they are meant to be; whether tests find them says `npm run soak:mutants`. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { applyMutant, readMutants } from "./patches.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const MUTANTS = readMutants(join(ROOT, "test/mutants"));
const hasGit = spawnSync("git", ["--version"]).status === 0;

describe("the mutants", () => {
  it("are at least fifty, and no two are the same change", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(50);
    expect(new Set(MUTANTS.map(({ fault }) => fault)).size).toBe(MUTANTS.length);
  });

  it("change the source alone, and name tests that are there", () => {
    for (const { name, files, tests } of MUTANTS) {
      expect(files.length, name).toBeGreaterThan(0);
      for (const file of files) expect(file, name).toMatch(/^src\//);
      for (const file of tests) expect(existsSync(join(ROOT, file)), `${name}: ${file}`).toBe(true);
    }
  });

  it.runIf(hasGit)("still apply", () => {
    for (const mutant of MUTANTS) applyMutant(mutant, ROOT, "--check");
  });
});

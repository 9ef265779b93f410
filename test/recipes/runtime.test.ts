/** The recipe for a runtime in CONTRIBUTING.md names what the compiler and the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const FILE = "src/runtimes/local/dummy.ts";
const UNFINISHED = `/** Starts the vault on a runtime that is none. */

import { listenOnNode } from "./http1/listen.ts";
import { startLocal } from "./local.ts";

await startLocal({ runtime: "dummy", listen: listenOnNode });
`;
const FINISHED = UNFINISHED.replace("listenOnNode });", "listenOnNode, descriptors: 256 });");

const copy = new Copy();
afterAll(() => copy.remove());

it("a new runtime is missed where CONTRIBUTING.md says", async () => {
  const recipe = new Recipe("A runtime", "dummy");
  copy.write(FILE, UNFINISHED);
  const missing = [copy.miscompiled("tsconfig.runtimes.json"), copy.failing()];
  expect(await Promise.all(missing)).toEqual([recipe.compiler(1), recipe.tests(2)]);

  copy.write(FILE, FINISHED);
  copy.addBehind("package.json", `"scripts": {\n`, `    "start:dummy": "exec node ${FILE}",\n`);
  const next = [copy.miscompiled("tsconfig.runtimes.json"), copy.failing()];
  expect(await Promise.all(next)).toEqual([[], recipe.tests(3, 4)]);

  const node = "| `npm run start:node` | Node 24 |\n";
  copy.addBehind("README.md", node, "| `npm run start:dummy` | none |\n");
  copy.addBehind("test/runtimes/processes.ts", `export const SCRIPTS = [`, `"start:dummy", `);
  expect(await copy.failing()).toEqual([]);
  expect(recipe.unfollowed()).toEqual([]);
}, RECIPE_MAX_MS);

/** The recipe for a stored record in CONTRIBUTING.md names what the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const PATHS = "src/storage/record_paths.ts";
const DECIDED = "test/storage/key_records.test.ts";

const copy = new Copy();
afterAll(() => copy.remove());

it("a new stored record is missed where CONTRIBUTING.md says", async () => {
  const recipe = new Recipe("A stored record", "dummy");
  copy.write(PATHS, `${copy.read(PATHS)}\nexport const DUMMY_PATH = "core/dummy";\n`);
  expect(await copy.failing()).toEqual(recipe.tests(2, 3));

  copy.replace(
    "src/README.md",
    "| `core/cluster` ",
    "| `core/dummy` | nothing | barrier | nobody |\n| `core/cluster` ",
  );
  copy.addBehind(DECIDED, `  "core/cluster",\n`, `  "core/dummy",\n`);
  expect(await copy.failing()).toEqual([]);
  expect(recipe.unfollowed()).toEqual([]);
}, RECIPE_MAX_MS);

/** The recipe for a store in CONTRIBUTING.md names what the compiler and the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const FILE = "src/storage/dummy_store.ts";
const UNFINISHED = `import type { Store } from "./store.ts";

export function createDummyStore(): Store {
  return { storageType: "dummy", get: async () => null, close: async () => {} };
}
`;

const FINISHED = `/** The memory store by another name. */

import { createMemoryStore } from "./memory_store.ts";
import type { Store } from "./store.ts";

export function createDummyStore(): Store {
  return { ...createMemoryStore(), storageType: "dummy" };
}
`;

const OWN_TEST = "test/storage/dummy_store.test.ts";
const CONTRACT = `import { createDummyStore } from "../../src/storage/dummy_store.ts";
import { storeContract } from "../contract/store.contract.ts";

storeContract("the dummy store", async () => createDummyStore());
`;

const BROKEN_TEST = "test/storage/broken_store.test.ts";
const BROKEN_CONTRACT = CONTRACT.replace(
  "createDummyStore());",
  `{
  const store = createDummyStore();
  return { ...store, commit: ({ writes }) => store.commit({ writes }) };
});`,
);

const OPENED = "src/runtimes/local/local.ts";

const copy = new Copy();
afterAll(() => copy.remove());

it(
  "a new store is missed where CONTRIBUTING.md says, and the contract judges it",
  async () => {
    const recipe = new Recipe("A store", "dummy");
    copy.write(FILE, UNFINISHED);
    const missing = [copy.miscompiled("tsconfig.json"), copy.failing()];
    expect(await Promise.all(missing)).toEqual([recipe.compiler(1), recipe.tests(2)]);

    copy.write(FILE, FINISHED);
    copy.replace(
      OPENED,
      "return openNodeSqlite(",
      `return process.argv[2] === "dummy" ? createDummyStore() : openNodeSqlite(`,
    );
    copy.addBehind(
      OPENED,
      `import { openNodeSqlite } from "./node_sqlite.ts";\n`,
      `import { createDummyStore } from "../../storage/dummy_store.ts";\n`,
    );
    copy.write(OWN_TEST, CONTRACT);
    copy.write(BROKEN_TEST, BROKEN_CONTRACT);
    const [miscompiled, failing] = await Promise.all([
      copy.miscompiled("tsconfig.runtimes.json"),
      copy.failing([OWN_TEST, BROKEN_TEST]),
    ]);
    expect(miscompiled).toEqual([]);
    expect(new Set(failing.map((failed) => failed.split(": ")[0]))).toEqual(new Set([BROKEN_TEST]));
    expect(recipe.unfollowed()).toEqual([]);
  },
  RECIPE_MAX_MS,
);

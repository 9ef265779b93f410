/** The recipe for an engine in CONTRIBUTING.md names what the compiler and the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const ENGINE = `/** An engine with one secret that never changes. */

import type { MountRecords } from "../../barrier/mount_records.ts";
import { createEngine, type Engine, engineOperation, enginePath } from "../engine.ts";

export function createDummy(_records: MountRecords): Engine {
  const read = engineOperation(
    { summary: "Read the secret" },
    async () => ({ kind: "data", data: { secret: "dummy" }, leaseSeconds: 0 }),
  );
  return createEngine({
    wrapsPath: () => false,
    exists: async () => true,
    paths: [enginePath("secret", { read })],
  });
}
`;

const ROW = `  dummy: {
    type: "dummy",
    names: { dummy: asSent },
    isCatalogued: true,
    serve: (ports) =>
      lazyEngine(ports, async () => (await import("./dummy/dummy.ts")).createDummy),
  },
`;

const OWN_TEST = "test/engines/dummy/dummy.test.ts";
const BEHAVIOUR = `import { expect, it } from "vitest";
import { at } from "../../contract/api.contract.ts";
import { openRootClient } from "../../http/root_client.ts";

it("the dummy engine gives its secret to a client", async () => {
  const { ask, done, api } = await openRootClient();
  await done("POST", "sys/mounts/d", { type: "dummy" });
  const { status, json } = await ask("GET", "d/secret");
  expect([status, at(json, "data", "secret")]).toEqual([200, "dummy"]);
  await api.stop();
});
`;

const copy = new Copy();
afterAll(() => copy.remove());

it(
  "a new engine is missed where CONTRIBUTING.md says, and is served when its recipe was followed",
  async () => {
    const recipe = new Recipe("An engine", "dummy");
    copy.replace("src/engines/engine_module.ts", `"cubbyhole" | `, `"cubbyhole" | "dummy" | `);
    copy.write("src/engines/dummy/dummy.ts", ENGINE);
    const missing = [copy.miscompiled("tsconfig.test.json"), copy.failing()];
    expect(await Promise.all(missing)).toEqual([recipe.compiler(3, 5), recipe.tests(3, 4)]);

    const table = "test/http/access_table.test.ts";
    copy.addBehind("src/engines/engines.ts", "Record<EngineType, EngineModule>> = {\n", ROW);
    copy.addBehind("test/rooms.test.ts", `["kv", "transit"`, `, "dummy"`);
    copy.addBehind(
      table,
      `  transit: { "transit/": createTransit(storage, randomBytes).paths },\n`,
      `  dummy: { "dummy/": createDummy(storage).paths },\n`,
    );
    copy.replace(
      table,
      `import { createKv1 }`,
      `import { createDummy } from "../../src/engines/dummy/dummy.ts";\nimport { createKv1 }`,
    );
    copy.addBehind(
      table,
      `  await client.done("POST", "sys/mounts/transit", { type: "transit" });\n`,
      `  await client.done("POST", "sys/mounts/dummy", { type: "dummy" });\n`,
    );
    copy.write(OWN_TEST, BEHAVIOUR);
    const left = [copy.miscompiled("tsconfig.test.json"), copy.failing([OWN_TEST], "access")];
    expect(await Promise.all(left)).toEqual([[], []]);
    expect(recipe.unfollowed()).toEqual([]);
  },
  RECIPE_MAX_MS,
);

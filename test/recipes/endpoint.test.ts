/** The recipe for an endpoint in CONTRIBUTING.md names what the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const FILE = "src/http/sys/server/dummy.ts";
const ENDPOINT = `/** \`dummy/<word>\`: says a word again. */

import { DUMMY_MAX_CHARS } from "../../../limits.ts";
import { type LogicalEndpoint, logicalEndpoint, logicalOperation } from "../../request/logical.ts";

export const DUMMY_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("dummy/{word}", {
    read: logicalOperation({ summary: "Say a word" }, async ({ parameter }) => ({
      kind: "data",
      data: { word: parameter("word").slice(0, DUMMY_MAX_CHARS) },
    })),
  }, { token: "ignored" }),
];
`;

/** Needs all of `src/http`, so it is none of the checks of every copy. */
const SERVED = "test/http/endpoints.test.ts";
const TABLES = "src/http/endpoints.ts";
const OWN_TEST = "test/http/sys/server/dummy.test.ts";
const BEHAVIOUR = `import { expect, it } from "vitest";
import { DUMMY_MAX_CHARS } from "../../../../src/limits.ts";
import { at } from "../../../contract/api.contract.ts";
import { openRootClient } from "../../root_client.ts";

it("the dummy endpoint says a word, and no more than its bound", async () => {
  const { ask, api } = await openRootClient();
  const { status, json } = await ask("GET", "dummy/" + "a".repeat(9), null, null);
  expect([status, at(json, "data", "word")]).toEqual([200, "a".repeat(DUMMY_MAX_CHARS)]);
  await api.stop();
});
`;

const copy = new Copy();
afterAll(() => copy.remove());

it(
  "a new endpoint is missed where CONTRIBUTING.md says, and answers when its recipe was followed",
  async () => {
    const recipe = new Recipe("An endpoint", "dummy");
    copy.write(FILE, ENDPOINT);
    copy.write(
      "src/limits.ts",
      `${copy.read("src/limits.ts")}\nexport const DUMMY_MAX_CHARS = 7;\n`,
    );
    expect(await copy.failing([SERVED])).toEqual(recipe.tests(2, 5));

    copy.addBehind(TABLES, "  ...CORS_ENDPOINTS,\n", "  ...DUMMY_ENDPOINTS,\n");
    copy.replace(
      TABLES,
      `import { CORS_ENDPOINTS }`,
      `import { DUMMY_ENDPOINTS } from "./sys/server/dummy.ts";\nimport { CORS_ENDPOINTS }`,
    );
    expect(await copy.failing([SERVED])).toEqual(recipe.tests(3, 4, 5));

    copy.replace("src/http/on_demand.ts", `["auth/token/*", `, `["auth/token/*", "dummy/*", `);
    const security = copy.read("SECURITY.md")
      .replace(/^\| endpoint \|.*\n.*\n/m, (head) => `${head}| \`dummy/{word}\` | read a word |\n`)
      .replace(
        /^\| bound \|.*\n.*\n/m,
        (head) => `${head}| \`DUMMY_MAX_CHARS\` | 7 | word | [dummy](${OWN_TEST}) |\n`,
      );
    copy.write("SECURITY.md", security);
    copy.write(OWN_TEST, BEHAVIOUR);
    const left = [
      copy.miscompiled("tsconfig.json"),
      copy.failing([OWN_TEST, SERVED], "access"),
    ];
    expect(await Promise.all(left)).toEqual([[], []]);
    expect(recipe.unfollowed()).toEqual([]);
  },
  RECIPE_MAX_MS,
);

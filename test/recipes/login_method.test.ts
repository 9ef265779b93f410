/** The recipe for a login method in CONTRIBUTING.md names what the compiler and the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const METHOD = `/** A login method with one user and one word. */

import { type LoginOutcome, NO_RULES } from "../../access/tokens/login_token.ts";
import { text } from "../../wire/fields.ts";
import { operation } from "../../wire/served_path.ts";
import { createMethod, type MethodPath, methodPath, type OpenMethod } from "../method.ts";

export const DUMMY_PATHS: readonly MethodPath<object>[] = [
  methodPath("login", {
    update: operation(
      { summary: "Log in with the word", fields: { word: text("the word") }, answers: ["auth"] },
      async (_call, { word }) => ({ kind: "login", outcome: outcome(word === "please") }),
    ),
  }, { loginAlias: () => "one" }),
];

export const openDummy: OpenMethod = () => () =>
  createMethod({ paths: DUMMY_PATHS, own: {}, renewalRules: async () => NO_RULES });

function outcome(isRight: boolean): LoginOutcome {
  const alias = { name: "one", meta: {} };
  if (!isRight) return { kind: "refused", alias: alias.name, why: "wrong word" };
  const login = { path: "login", displayName: "one", meta: {}, alias, rules: NO_RULES };
  return { kind: "granted", login };
}
`;

const ROW = `  dummy: {
    type: "dummy",
    loginPath: "login",
    hasLockout: true,
    load: async () => (await import("./dummy/dummy.ts")).openDummy,
  },
`;

const OWN_TEST = "test/methods/dummy/dummy.test.ts";
const BEHAVIOUR = `import { expect, it } from "vitest";
import { at } from "../../contract/api.contract.ts";
import { openRootClient } from "../../http/root_client.ts";

it("the dummy method gives a token for the right word, and none for another", async () => {
  const { ask, done, api } = await openRootClient();
  await done("POST", "sys/auth/dummy", { type: "dummy" });
  const wrong = await ask("POST", "auth/dummy/login", { word: "now" }, null);
  expect([wrong.status, wrong.json]).toEqual([400, { errors: ["wrong word"] }]);
  const right = await ask("POST", "auth/dummy/login", { word: "please" }, null);
  expect(at(right.json, "auth", "policies")).toEqual(["default"]);
  await api.stop();
});
`;

const copy = new Copy();
afterAll(() => copy.remove());

it(
  "a new login method is missed where CONTRIBUTING.md says, and logs in when its recipe was followed",
  async () => {
    const recipe = new Recipe("A login method", "dummy");
    copy.replace(
      "src/access/auth_mount.ts",
      `"approle" | "userpass"`,
      `"approle" | "dummy" | "userpass"`,
    );
    copy.write("src/methods/dummy/dummy.ts", METHOD);
    const missing = [copy.miscompiled("tsconfig.test.json"), copy.failing()];
    expect(await Promise.all(missing)).toEqual([recipe.compiler(3, 5), recipe.tests(3, 4)]);

    const table = "test/http/access_table.test.ts";
    copy.addBehind(
      "src/methods/methods.ts",
      "Record<AuthMethodType, AuthMethodModule>> = {\n",
      ROW,
    );
    copy.addBehind("test/rooms.test.ts", `["approle", "userpass"`, `, "dummy"`);
    copy.addBehind(table, "  approle: APPROLE_PATHS,\n", "  dummy: DUMMY_PATHS,\n");
    copy.replace(
      table,
      `import { APPROLE_PATHS }`,
      `import { DUMMY_PATHS } from "../../src/methods/dummy/dummy.ts";\nimport { APPROLE_PATHS }`,
    );
    copy.write(OWN_TEST, BEHAVIOUR);
    const left = [copy.miscompiled("tsconfig.test.json"), copy.failing([OWN_TEST], "access")];
    expect(await Promise.all(left)).toEqual([[], []]);
    expect(recipe.unfollowed()).toEqual([]);
  },
  RECIPE_MAX_MS,
);

/** The recipe for a seal in CONTRIBUTING.md names what the compiler and the tests name. */

import { afterAll, expect, it } from "vitest";
import { Copy, RECIPE_MAX_MS } from "./copy.ts";
import { Recipe } from "./recipe.ts";

const SEAL = `/** A seal whose key is no secret. */

import { wrappingKeyBytes } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { KEY_BYTES } from "../limits.ts";
import { Seal } from "./seal.ts";

export function createDummySeal(random: RandomBytes): Seal {
  const key = { id: "dummy", bytes: wrappingKeyBytes(new Uint8Array(KEY_BYTES)) };
  return new Seal("dummy", key, [], random);
}
`;

const KINDS = "src/seal/kinds.ts";
const SETTINGS = "src/runtimes/settings.ts";

const copy = new Copy();
afterAll(() => copy.remove());

it(
  "a new kind of seal is missed where CONTRIBUTING.md says",
  async () => {
    const recipe = new Recipe("A seal", "dummy");
    copy.addBehind("src/seal/seal_kind.ts", `["shamir", "static"`, `, "dummy"`);
    copy.addBehind(
      KINDS,
      "  readonly static: StaticSealSettings;\n",
      `  readonly dummy: { readonly type: "dummy" };\n`,
    );
    copy.addBehind(
      KINDS,
      "  readonly static: keyof StaticSealInput;\n",
      "  readonly dummy: never;\n",
    );
    copy.write("src/seal/dummy_seal.ts", SEAL);
    copy.addBehind(SETTINGS, "export const SETTING_NAMES = [\n", `  "SEALWRIGHT_DUMMY_SEAL",\n`);
    const missing = [copy.miscompiled("tsconfig.test.json"), copy.failing()];
    expect(await Promise.all(missing)).toEqual([recipe.compiler(3, 4), recipe.tests(3, 4, 5)]);
    expect(recipe.unfollowed()).toEqual([]);
  },
  RECIPE_MAX_MS,
);

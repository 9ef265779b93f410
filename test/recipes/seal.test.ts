/**
 * The recipe for a seal in CONTRIBUTING.md names what the compiler and the tests name, and each place
 * that they miss: a comparison with one kind of seal, where any other kind is taken for the second.
 */

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

const SETTINGS = "src/runtimes/settings.ts";
const COMPARISON = /(?:===|!==) "(?:shamir|static)"/;

const copy = new Copy();
afterAll(() => copy.remove());

it(
  "a new kind of seal is missed where CONTRIBUTING.md says, and overlooked where it says so",
  async () => {
    const recipe = new Recipe("A seal", "dummy");
    const comparing = copy.sources().filter((file) => COMPARISON.test(copy.read(file)));
    expect(recipe.byHand(4)).toEqual(comparing);

    copy.addBehind("src/seal/seal.ts", `export type SealType = "shamir" | "static"`, ` | "dummy"`);
    copy.addBehind(
      "src/seal/seal_config.ts",
      `{ readonly type: "static"; readonly sealKeyId: string; readonly recovery: ShareCounts }`,
      `| { readonly type: "dummy"; readonly sealKeyId: string; readonly recovery: ShareCounts }`,
    );
    copy.addBehind(
      "src/seal/seal_settings.ts",
      `export type SealSettings = { readonly type: "shamir" } | StaticSealSettings`,
      ` | { readonly type: "dummy" }`,
    );
    copy.write("src/seal/dummy_seal.ts", SEAL);
    copy.addBehind(SETTINGS, "export const SETTING_NAMES = [\n", `  "SEALWRIGHT_DUMMY_SEAL",\n`);
    const missing = [copy.miscompiled("tsconfig.runtimes.json"), copy.failing()];
    expect(await Promise.all(missing)).toEqual([recipe.compiler(3), recipe.tests(3, 5)]);
    expect(recipe.unfollowed()).toEqual([]);
  },
  RECIPE_MAX_MS,
);

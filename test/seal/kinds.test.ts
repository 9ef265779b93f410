/** The table of seal kinds: whole, asked by everybody, and compared by nobody. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { unsealKey } from "../../src/crypto/keys.ts";
import { openCurrentSeal, openSeal, SEAL_KINDS, type SealKindRow } from "../../src/seal/kinds.ts";
import { SEAL_KIND_NAMES, type SealKind } from "../../src/seal/seal_kind.ts";
import { codeOf, seededRandom } from "../barrier/doubles.ts";

const ROOT = fileURLToPath(new URL("../../src", import.meta.url));
const random = seededRandom("seal kinds");
const PATH = "logical/a";
const VALUE = new TextEncoder().encode("value");

const K1 = { id: "k1", key: random(32) };
const K2 = { id: "k2", key: random(32) };

function never(): never {
  throw new Error("nobody was to be asked for shares");
}

describe("table of seal kinds", () => {
  it("the table of seal kinds has a row for each name and no other", () => {
    expect(Object.keys(SEAL_KINDS).sort()).toEqual([...SEAL_KIND_NAMES].sort());
  });

  it("the table of seal kinds does not compile without a row, or with a row that is not whole", () => {
    // @ts-expect-error a kind is missing
    const missing: { readonly [Kind in SealKind]: SealKindRow<Kind> } = {
      shamir: SEAL_KINDS.shamir,
    };
    const { opensByItself: _, ...rest } = SEAL_KINDS.static;
    // @ts-expect-error a member is missing
    const partial: SealKindRow<"static"> = rest;
    expect([missing, partial]).toHaveLength(2);
  });

  it.each(SEAL_KIND_NAMES)(
    "a %s seal that opens by itself is authorised by recovery shares",
    (kind) => {
      const { opensByItself, authorisedBy } = SEAL_KINDS[kind];
      expect(authorisedBy === "recovery").toBe(opensByItself);
    },
  );

  it("no source outside the room compares the name of a kind", () => {
    const names = new RegExp(`[!=]==\\s*"(${SEAL_KIND_NAMES.join("|")})"`);
    const files = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("seal/"));
    const comparing = files.filter((file) => names.test(readFileSync(join(ROOT, file), "utf8")));
    expect(comparing).toEqual([]);
  });
});

describe("opening seals by their kind", () => {
  it("openSeal() asks for a joined key only for a seal that does not open by itself", async () => {
    const key = unsealKey(random(32));
    const shamir = openSeal({ type: "shamir" }, () => key, random);
    const again = openSeal({ type: "shamir" }, () => key, random);
    expect(await again.unwrap(PATH, await shamir.wrap(PATH, VALUE))).toEqual(VALUE);
    expect(() => openSeal({ type: "shamir" }, never, random)).toThrow("nobody was to be asked");
    const settings = { type: "static", current: K1, previous: null } as const;
    expect(openSeal(settings, never, random).keyId).toBe("k1");
  });

  it("openCurrentSeal() opens nothing that a previous key wrapped", async () => {
    const before = openSeal({ type: "static", current: K1, previous: null }, never, random);
    const wrapped = await before.wrap(PATH, VALUE);
    const settings = { type: "static", current: K2, previous: K1 } as const;
    expect(await openSeal(settings, never, random).unwrap(PATH, wrapped)).toEqual(VALUE);
    const current = openCurrentSeal(settings, never, random);
    expect(await codeOf(() => current.unwrap(PATH, wrapped))).toBe("unknown_key");
  });
});

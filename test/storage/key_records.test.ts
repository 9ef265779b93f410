import { describe, expect, it } from "vitest";
import { isKeyRecord, mayHoldKeyRecords } from "../../src/storage/key_records.ts";

/** `src/README.md` says what each of them holds. */
const KEY_RECORDS = [
  "core/seal-config",
  "core/root-key",
  "core/keyring",
  "core/recovery-key",
  "core/previous-seal-keys",
  ...["barrier", "recovery"].flatMap((target) => [
    `core/share-checks/${target}`,
    `core/ceremony/${target}`,
    `core/backup/${target}`,
    `core/delivery/${target}`,
  ]),
  "core/ceremony/generate-root",
];

describe("key records, of which no old copy is to be left,", () => {
  it.each(KEY_RECORDS)("include %s", (path) => {
    expect(isKeyRecord(path)).toBe(true);
  });

  it.each([
    "core/term-operations",
    "core/mounts",
    "core/rewrap",
    "core/due/ceremony-barrier",
    "core/root-key-of-another-name",
    "logical/core/root-key",
    "sys/token/id/core/root-key",
    "core",
    "",
  ])("do not include the many others, such as %j", (path) => {
    expect(isKeyRecord(path)).toBe(false);
  });

  it("are looked for below every prefix that one of them has, and not among secrets", () => {
    for (const path of KEY_RECORDS) {
      for (let length = 0; length <= path.length; length++) {
        expect(mayHoldKeyRecords(path.slice(0, length)), path.slice(0, length)).toBe(true);
      }
    }
    for (const prefix of ["logical/", "sys/token/", "cores", "cord"]) {
      expect(mayHoldKeyRecords(prefix), prefix).toBe(false);
    }
  });
});

import { describe, expect, it } from "vitest";
import { isKeyRecord, mayHoldKeyRecords } from "../../src/storage/key_records.ts";

/** Records of which no old copy may be left. `src/README.md` says what each holds. */
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

describe("key records", () => {
  it.each(KEY_RECORDS)("%j is a key record", (path) => {
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
  ])("%j is not a key record", (path) => {
    expect(isKeyRecord(path)).toBe(false);
  });

  it("mayHoldKeyRecords() is true for every prefix of a key record, and false for secrets", () => {
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

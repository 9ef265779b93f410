import { describe, expect, it } from "vitest";
import { isKeyRecord, mayHoldKeyRecords } from "../../src/storage/key_records.ts";
import * as recordPaths from "../../src/storage/record_paths.ts";

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

/** Records that open nothing by themselves. */
const OTHER_RECORDS = [
  "core/term-operations",
  "core/cluster",
  "core/mounts",
  "core/auth",
  "core/remounts",
  "core/rewrap",
  "core/audit",
  "core/due/ceremony-barrier",
  "sys/policy/one",
  "sys/password-policy/one",
  "sys/token/id/one",
  "sys/token/accessor/one",
  "sys/token/parent/one/two",
  "sys/token/expiry/1/one",
  "sys/token/role/one",
  "sys/entity/id/one",
  "sys/config/cors",
  "sys/wrapping/one",
  "logical/one/two",
  "auth/one/two",
  "sys/login-expiry/1/one",
];

describe("key records", () => {
  it("every path of record_paths.ts is listed here as that of a key record or of another", () => {
    const listed = [...KEY_RECORDS, ...OTHER_RECORDS];
    const undecided = Object.entries(recordPaths).filter(([, path]) => {
      const prefix = typeof path === "string" ? path : path("");
      return !listed.some((known) => known.startsWith(prefix));
    });
    expect(undecided.map(([name]) => name)).toEqual([]);
  });

  it.each(KEY_RECORDS)("%j is a key record", (path) => {
    expect(isKeyRecord(path)).toBe(true);
  });

  it.each([
    ...OTHER_RECORDS,
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

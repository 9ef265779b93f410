import { describe, expect, it } from "vitest";
import { type Change, joinChanges } from "../../src/barrier/change.ts";
import { ABSENT } from "../../src/storage/store.ts";

const value = new Uint8Array(1);
const FULL: Change = {
  entries: [{ path: "a", value }],
  writes: [{ path: "b", bytes: value, sealKeyId: null }],
  expect: [{ path: "c", revision: ABSENT }],
};

describe("joinChanges()", () => {
  it("joined changes hold the entries, writes and expectations of each, in order", () => {
    const more: Change = { entries: [{ path: "d", value: null }] };
    expect(joinChanges(FULL, {}, more)).toEqual({
      entries: [...FULL.entries!, ...more.entries!],
      writes: FULL.writes,
      expect: FULL.expect,
    });
  });

  it("nothing joined is an empty change", () => {
    expect(joinChanges()).toEqual({ entries: [], writes: [], expect: [] });
  });
});

import { describe, expect, it } from "vitest";
import { matchesAnyGlob } from "../../../src/access/policies/glob.ts";

describe("matchesAnyGlob()", () => {
  it.each([
    ["*", ""],
    ["*", "anything"],
    ["a*", "a"],
    ["a*", "abc"],
    ["*c", "abc"],
    ["a*c", "ac"],
    ["a*b*c", "a-b-b-c"],
    ["a**c", "abc"],
    ["abc", "abc"],
  ])("matches %j with %j", (pattern, text) => {
    expect(matchesAnyGlob(["other", pattern], text)).toBe(true);
  });

  it.each([
    ["", "a"],
    ["a", "ab"],
    ["a*", "ba"],
    ["*c", "cb"],
    ["ab*ba", "aba"],
    ["a*b*c", "acb"],
    ["a.c", "abc"],
    ["A*", "abc"],
  ])("does not match %j with %j", (pattern, text) => {
    expect(matchesAnyGlob([pattern], text)).toBe(false);
  });

  it("matches nothing without a pattern", () => {
    expect(matchesAnyGlob([], "a")).toBe(false);
  });
});

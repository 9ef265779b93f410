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
  ])("the glob %j matches %j", (pattern, text) => {
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
  ])("the glob %j does not match %j", (pattern, text) => {
    expect(matchesAnyGlob([pattern], text)).toBe(false);
  });

  it("an empty list of globs matches nothing", () => {
    expect(matchesAnyGlob([], "a")).toBe(false);
  });
});

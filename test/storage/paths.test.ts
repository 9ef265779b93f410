import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparePaths, isLongerThan, prefixEnd } from "../../src/storage/paths.ts";

const encoder = new TextEncoder();
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom("a", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 6,
});

describe("comparePaths()", () => {
  it("comparePaths() orders paths like their UTF-8 bytes", () => {
    const property = fc.property(anyText, anyText, (left, right) => {
      const wanted = Buffer.compare(encoder.encode(left), encoder.encode(right));
      expect(Math.sign(comparePaths(left, right))).toBe(wanted);
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe("prefixEnd()", () => {
  it("prefixEnd() separates paths with the prefix from those that sort after it", () => {
    const property = fc.property(anyText, anyText, anyText, (prefix, rest, other) => {
      const end = prefixEnd(prefix);
      for (const text of [prefix + rest, other]) {
        const below = end === null || comparePaths(text, end) < 0;
        expect(comparePaths(text, prefix) >= 0 && below).toBe(text.startsWith(prefix));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("prefixEnd() steps over the surrogates and drops a final U+10FFFF", () => {
    expect(prefixEnd("a/")).toBe("a0");
    expect(prefixEnd("a\ud7ff")).toBe("a\ue000");
    expect(prefixEnd("a\uffff")).toBe("a\u{10000}");
    expect(prefixEnd("a\u{10ffff}\u{10ffff}")).toBe("b");
    expect(prefixEnd("\u{10ffff}")).toBeNull();
    expect(prefixEnd("")).toBeNull();
  });
});

describe("isLongerThan()", () => {
  it("isLongerThan() counts UTF-8 bytes, not UTF-16 units", () => {
    expect(isLongerThan("éé", 4)).toBe(false);
    expect(isLongerThan("éé", 3)).toBe(true);
    expect(isLongerThan("\u{10000}", 4)).toBe(false);
    expect(isLongerThan("\u{10000}", 3)).toBe(true);
    expect(isLongerThan("abc", 3)).toBe(false);
  });
});

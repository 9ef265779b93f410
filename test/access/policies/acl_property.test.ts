/** Compares the compiled matcher with a slow one, written from the rules and sharing no code. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileAcl } from "../../../src/access/policies/acl.ts";
import { parsePolicy } from "../../../src/access/policies/policy.ts";
import { expectLinear } from "../../bounds/cost.ts";

interface Block {
  readonly path: string;
  readonly words: readonly string[];
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function isExact(pattern: string): boolean {
  return !pattern.endsWith("*") && !pattern.split("/").includes("+");
}

function matches(pattern: string, path: string): boolean {
  const isOpen = pattern.endsWith("*");
  const body = (isOpen ? pattern.slice(0, -1) : pattern)
    .split("/").map((segment) => segment === "+" ? "[^/]*" : escapeRegExp(segment)).join("/");
  return new RegExp(`^${body}${isOpen ? ".*" : ""}$`, "s").test(path);
}

function higher(left: string, right: string): string {
  const firstWildcard = (pattern: string) => {
    const segments = pattern.split("/");
    const plus = segments.indexOf("+");
    return plus === -1
      ? pattern.length - 1
      : segments.slice(0, plus).join("/").length + (plus > 0 ? 1 : 0);
  };
  const closed = (pattern: string) => pattern.endsWith("*") ? 0 : 1;
  const pluses = (pattern: string) => pattern.split("/").filter((each) => each === "+").length;
  const bare = (pattern: string) => pattern.endsWith("*") ? pattern.slice(0, -1) : pattern;
  if (firstWildcard(left) !== firstWildcard(right)) {
    return firstWildcard(left) > firstWildcard(right) ? left : right;
  }
  if (closed(left) !== closed(right)) return closed(left) > closed(right) ? left : right;
  if (pluses(left) !== pluses(right)) return pluses(left) < pluses(right) ? left : right;
  if (bare(left).length !== bare(right).length) {
    return bare(left).length > bare(right).length ? left : right;
  }
  return bare(left) > bare(right) ? left : right;
}

function slowPattern(patterns: readonly string[], path: string, isList: boolean): string | null {
  const shorter = isList && path.endsWith("/") ? path.slice(0, -1) : path;
  for (const candidate of [path, shorter]) {
    if (patterns.some((pattern) => isExact(pattern) && pattern === candidate)) return candidate;
  }
  for (const candidate of [path, shorter]) {
    const matching = patterns.filter((each) => !isExact(each) && matches(each, candidate));
    if (matching.length > 0) return matching.reduce(higher);
  }
  return null;
}

function slowCapabilities(blocks: readonly Block[], path: string, isList: boolean): string[] {
  const patterns = blocks.map((block) => block.path);
  const pattern = slowPattern(patterns, path, isList);
  const words = blocks.filter((block) => block.path === pattern).flatMap((block) => block.words);
  if (words.length === 0 || words.includes("deny")) return ["deny"];
  return [...new Set(words)].sort();
}

/** Only list and scan try a path again without its slash. */
function slowAnswer(blocks: readonly Block[], path: string): string[] {
  const lists = slowCapabilities(blocks, path, true).filter((word) => word !== "deny");
  const others = slowCapabilities(blocks, path, false).filter((word) => word !== "deny");
  const isListing = (word: string) => word === "list" || word === "scan" || word === "sudo";
  const granted = [
    ...lists.filter(isListing),
    ...others.filter((word) => !isListing(word) || word === "sudo"),
  ];
  return granted.length === 0 ? ["deny"] : [...new Set(granted)].sort();
}

const segment = fc.constantFrom("a", "b", "ab", "aa", "", "a+", "*", "z");
const patternSegment = fc.oneof({ weight: 2, arbitrary: segment }, {
  weight: 1,
  arbitrary: fc.constant("+"),
});
const pattern = fc
  .tuple(fc.array(patternSegment, { minLength: 1, maxLength: 4 }), fc.constantFrom("", "", "*"))
  .map(([segments, end]) => segments.join("/") + end)
  .filter((path) => !path.includes("+*") && !path.startsWith("/"));
const word = fc.constantFrom("create", "read", "update", "delete", "list", "sudo", "patch", "scan");
const block = fc.record({
  path: pattern,
  words: fc.oneof(
    { weight: 6, arbitrary: fc.array(word, { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant(["read", "deny"]) },
  ),
});
const policies = fc.array(fc.array(block, { maxLength: 6 }), { maxLength: 5 });
const path = fc
  .tuple(fc.array(segment, { minLength: 1, maxLength: 5 }), fc.constantFrom("", "/"))
  .map(([segments, end]) => segments.join("/") + end)
  .filter((each) => !each.startsWith("/"));

function write(blocks: readonly Block[]): string {
  return blocks.map((each) =>
    `path ${JSON.stringify(each.path)} { capabilities = ${JSON.stringify(each.words)} }`
  ).join("\n");
}

describe("compileAcl()", () => {
  it("the compiled ACL decides like a naive matcher, for random policies and paths", () => {
    fc.assert(
      fc.property(policies, fc.array(path, { minLength: 1, maxLength: 8 }), (all, paths) => {
        const acl = compileAcl(all.map((blocks, index) => parsePolicy(`p${index}`, write(blocks))));
        for (const each of paths) {
          expect(acl.capabilities(each)).toEqual(slowAnswer(all.flat(), each));
          for (const operation of ["read", "delete", "list", "scan"] as const) {
            const isList = operation === "list" || operation === "scan";
            const allowed = slowCapabilities(all.flat(), each, isList).includes(operation);
            const decision = acl.allows({ operation, path: each, data: {}, needsSudo: false });
            expect([operation, each, decision.allowed]).toEqual([operation, each, allowed]);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("the compiled ACL does not depend on the order of policies and rules", () => {
    fc.assert(fc.property(policies, path, (all, each) => {
      const forwards = compileAcl(all.map((blocks) => parsePolicy("p", write(blocks))));
      const backwards = compileAcl(
        all.toReversed().map((blocks) => parsePolicy("p", write(blocks.toReversed()))),
      );
      expect(backwards.capabilities(each)).toEqual(forwards.capabilities(each));
    }));
  });

  it("the cost of a decision does not grow faster than the rules", async () => {
    const path = ["kv/t/x", "kv/t/*", "kv/+/x", "kv/+/t/+/*", "team/*"];
    const rules = (count: number, policy: number) =>
      Array.from({ length: count }, (_, index) => ({
        path: path[index % path.length]?.replace("t", `t${policy}-${index}`) ?? "",
        words: ["read"],
      }));
    const request = {
      operation: "read",
      path: "kv/t3-11/deep/down/secret",
      data: {},
      needsSudo: false,
    } as const;
    await expectLinear((factor) => {
      const texts = Array.from({ length: 10 }, (_, policy) => write(rules(50 * factor, policy)));
      const acl = compileAcl(texts.map((text, index) => parsePolicy(`p${index}`, text)));
      expect(acl.allows(request).allowed).toBe(true);
      return () => acl.allows(request);
    });
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergePatch, namesOnly } from "../../../src/engines/kv/merge_patch.ts";

/** RFC 7396 appendix A: target, patch, result. */
const RFC_EXAMPLES: readonly (readonly [string, string, string])[] = [
  ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
  ['{"a":"b"}', '{"a":null}', "{}"],
  ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
  ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
  ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
  ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
  ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
  ['["a","b"]', '["c","d"]', '["c","d"]'],
  ['{"a":"b"}', '["c"]', '["c"]'],
  ['{"a":"foo"}', "null", "null"],
  ['{"a":"foo"}', '"bar"', '"bar"'],
  ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
  ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
  ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];
/** What the RFC leaves open is as in OpenBao. */
const LIST_EXAMPLES: readonly (readonly [string, string, string])[] = [
  ["{}", '{"l":[null,1,{"a":null,"b":{"c":null}}]}', '{"l":[null,1,{"b":{}}]}'],
  ["{}", '{"l":[[null],[{"z":null}]]}', '{"l":[[null],[{}]]}'],
  ['{"l":[{"a":null}]}', '{"n":1}', '{"l":[{"a":null}],"n":1}'],
];

type Leaves = Map<string, unknown>;

/** The slow model: a value as a map of its leaves by path; empty objects are leaves. */
function leavesOf(value: unknown, path: readonly string[] = [], into: Leaves = new Map()): Leaves {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (entries.length === 0) into.set(JSON.stringify(path), value);
  for (const [name, inner] of entries) leavesOf(inner, [...path, name], into);
  return into;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function under(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor.slice(0, -1)},`) ||
    (ancestor === "[]" && path !== "[]");
}

/** Applies the leaves of the patch one by one to the leaves of the target. */
function modelPatch(target: unknown, patch: unknown): string[] {
  const leaves = isObject(target) ? leavesOf(target) : new Map<string, unknown>();
  for (const [path, value] of leavesOf(patch)) {
    const parts = JSON.parse(path) as string[];
    parts.forEach((_, depth) => leaves.set(JSON.stringify(parts.slice(0, depth)), {}));
    if (isObject(value)) {
      leaves.set(path, {});
      continue;
    }
    for (const key of [...leaves.keys()]) if (under(key, path)) leaves.delete(key);
    if (value !== null) leaves.set(path, value);
  }
  return canonical(leaves);
}

/** Drops empty objects that have leaves below them. */
function canonical(leaves: Leaves): string[] {
  const keys = [...leaves.keys()];
  return keys
    .filter((key) =>
      !isObject(leaves.get(key)) || !keys.some((other) => other !== key && under(other, key))
    )
    .map((key) => `${key}=${JSON.stringify(leaves.get(key))}`)
    .sort();
}

const name = fc.constantFrom("a", "b", "__proto__", "constructor", "");
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, 1, "x", true, [1, null]),
    fc.array(fc.tuple(name, tie("value")), { maxLength: 4 }).map(Object.fromEntries),
  ),
  object: fc.array(fc.tuple(name, tie("value")), { maxLength: 4 }).map(Object.fromEntries),
}));

describe("mergePatch()", () => {
  it.each([...RFC_EXAMPLES, ...LIST_EXAMPLES])(
    "mergePatch() applies to %s the patch %s as in RFC 7396",
    (target, patch, result) => {
      expect(mergePatch(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result));
    },
  );

  it("mergePatch() agrees with a leaf-by-leaf model and changes neither argument", () => {
    fc.assert(
      fc.property(json.object, json.object, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        expect(canonical(leavesOf(mergePatch(target, patch)))).toEqual(modelPatch(target, patch));
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it("mergePatch() treats __proto__ as an ordinary name", () => {
    const patch: unknown = JSON.parse('{"__proto__":{"admin":true},"x":{"__proto__":{"y":1}}}');
    const result = mergePatch({}, patch);
    expect(JSON.stringify(result)).toBe('{"__proto__":{"admin":true},"x":{"__proto__":{"y":1}}}');
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(JSON.stringify(mergePatch(result, JSON.parse('{"__proto__":null,"x":null}')))).toBe(
      "{}",
    );
  });
});

describe("namesOnly()", () => {
  const data = { a: 1, b: { c: { d: "x" }, e: [] }, f: {}, g: [{ h: 1 }] };
  it.each([
    [0, { a: null, b: { c: { d: null }, e: null }, f: null, g: null }],
    [3, { a: null, b: { c: { d: null }, e: null }, f: null, g: null }],
    [2, { a: null, b: { c: null, e: null }, f: null, g: null }],
    [1, { a: null, b: null, f: null, g: null }],
    [-1, { a: null, b: null, f: null, g: null }],
  ])("namesOnly() to depth %i leaves no value", (depth, names) => {
    expect(namesOnly(data, depth)).toEqual(names);
  });
});

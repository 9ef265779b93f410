import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HclSyntaxError, parseHcl } from "../../../src/access/policies/hcl.ts";
import { HCL_TEXT_MAX_CHARS } from "../../../src/limits.ts";
import { HCL_DEPTH_MAX } from "../../../src/limits.ts";
import type { HclBody, HclValue } from "../../../src/access/policies/hcl.ts";

/** The tree as nested pairs, without offsets. */
function plain(body: HclBody): unknown {
  return body.map((item) => [...item.keys, plainValue(item.value)]);
}

function plainValue(value: HclValue): unknown {
  switch (value.kind) {
    case "object":
      return { body: plain(value.body) };
    case "list":
      return value.items.map(plainValue);
    case "null":
      return null;
    default:
      return value.value;
  }
}

function refusal(text: string): string {
  try {
    parseHcl(text);
  } catch (error) {
    expect(error).toBeInstanceOf(HclSyntaxError);
    return (error as HclSyntaxError).message;
  }
  throw new Error(`was accepted: ${text.slice(0, 100)}`);
}

describe("parseHcl() on HCL", () => {
  it.each<[string, string, unknown]>([
    ["nothing", "", []],
    ["only comments", "# a\n// b\n/* c\n d */", []],
    ["an assignment", "a = 1", [["a", 1]]],
    ["items on one line", 'a = 1 b = "x"', [["a", 1], ["b", "x"]]],
    ["items with commas", "a = 1, b = 2,", [["a", 1], ["b", 2]]],
    ["quoted keys", '"a b" = true', [["a b", true]]],
    ["dotted and dashed keys", "a.b-c_d = false", [["a.b-c_d", false]]],
    ["a block", "a { b = 1 }", [["a", { body: [["b", 1]] }]]],
    ["an object with =", "a = { b = 1 }", [["a", { body: [["b", 1]] }]]],
    ["labels", 'path "x" "y" { }', [["path", "x", "y", { body: [] }]]],
    ["repeated blocks", 'p "x" {} p "x" {}', [["p", "x", { body: [] }], ["p", "x", { body: [] }]]],
    ["lists", 'a = ["x", 1, [true], {b = 2}]', [["a", ["x", 1, [true], { body: [["b", 2]] }]]]],
    ["an empty list", "a = []", [["a", []]]],
    ["a trailing comma", "a = [1, 2,\n]", [["a", [1, 2]]]],
    ["comments in a list", "a = [1, # one\n 2 /* two */]", [["a", [1, 2]]]],
    ["numbers", "a = [0, -7, 1.5, 2e3, -1E-2, 0x1f]", [["a", [0, -7, 1.5, 2000, -0.01, 31]]]],
    ["escapes", String.raw`a = "\n\t\"\\\u00e9\U0001F511"`, [["a", '\n\t"\\é🔑']]],
    ["comment signs in strings", 'a = "# // /*"', [["a", "# // /*"]]],
    ["Windows line ends", "a = 1\r\nb = 2\r\n", [["a", 1], ["b", 2]]],
    ["a byte order mark", "\uFEFFa = 1", [["a", 1]]],
    ["a heredoc", "a = <<EOF\n  x\ny\nEOF\nb = 1", [["a", "  x\ny\n"], ["b", 1]]],
    ["an empty heredoc", "a = <<EOF\nEOF", [["a", ""]]],
    ["an indented heredoc", "a = <<-EOF\n    x\n      y\n    EOF\n", [["a", "x\n  y\n"]]],
    ["a heredoc indented less", "a = <<-EOF\n x\n   EOF\n", [["a", " x\n"]]],
    ["a marker inside a line", "a = <<EOF\nEOF not\nEOF", [["a", "EOF not\n"]]],
    ["__proto__", "__proto__ = { __proto__ = 1 }", [["__proto__", { body: [["__proto__", 1]] }]]],
  ])("parseHcl() reads HCL with %s", (_what, text, tree) => {
    expect(plain(parseHcl(text))).toEqual(tree);
  });

  it.each<[string, string, string]>([
    ["a forgotten value", "a =\n", "At 2:1: expected a value, found the end of the text"],
    [
      "no start of an object",
      "this is { not hcl",
      "At 1:18: key 'not hcl' expected start of object ('{') or assignment ('=')",
    ],
    ["an open block", 'path "x" {\n a = 1\n', "At 3:1: expected a name, found the end of the text"],
    ["a stray brace", "a = 1\n}", "At 2:1: expected a name, found '}'"],
    ["a missing comma", 'a = ["x"\n  "y"]', "At 2:3: expected ',' or ']', found a string"],
    ["a doubled comma", "a = [1,,2]", "At 1:8: expected a value, found ','"],
    ["a bare word", "a = read", "At 1:5: expected a value, found the word read"],
    ["null", "a = null", "At 1:5: expected a value, found the word null"],
    ["an open string", 'a = "x', "At 1:5: string not terminated"],
    ["a line end in a string", 'a = "x\ny"', "At 1:5: string not terminated"],
    ["an unknown escape", String.raw`a = "x\q"`, "At 1:7: unknown escape sequence"],
    ["a short escape", String.raw`a = "\u12"`, "At 1:6: unknown escape sequence"],
    ["an escape too large", String.raw`a = "\UFFFFFFFF"`, "At 1:6: unknown escape sequence"],
    ["an open comment", "a = 1\n/* x", "At 2:1: comment not terminated"],
    ["an open heredoc", "a = <<EOF\nx\n", "At 2:1: heredoc not terminated by EOF"],
    ["a colon", "a : 1", 'At 1:3: unexpected character ":"'],
    ["a NUL", "a = \0", 'At 1:5: unexpected character "\\u0000"'],
    ["a broken number", "a = 1x", 'At 1:5: unexpected character "1"'],
    [
      "labels before =",
      'p "x" = {}',
      "At 1:7: a block with labels takes an object, not an assignment",
    ],
  ])("parseHcl() refuses HCL with %s and says where", (_what, text, message) => {
    expect(refusal(text)).toBe(message);
  });

  it("parseHcl() refuses lists and objects nested deeper than the limit", () => {
    const nested = (depth: number) => `a = ${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(plain(parseHcl(nested(HCL_DEPTH_MAX)))).toBeDefined();
    expect(refusal(nested(HCL_DEPTH_MAX + 1))).toBe(
      `At 1:${5 + HCL_DEPTH_MAX}: nested deeper than ${HCL_DEPTH_MAX} levels`,
    );
    expect(refusal(`a = ${"[".repeat(500_000)}`)).toContain("nested deeper");
    expect(refusal("a {".repeat(500_000))).toContain("nested deeper");
    expect(refusal('{"a":'.repeat(300_000))).toContain("nested deeper");
  });

  it("parseHcl() reads a megabyte of rules or comments", () => {
    const rule = 'path "kv/team/+/x" { capabilities = ["read", "list"] }\n';
    const count = Math.floor(1_000_000 / rule.length);
    expect(parseHcl(rule.repeat(count))).toHaveLength(count);
    expect(parseHcl("/* x */".repeat(140_000))).toEqual([]);
    expect(parseHcl(`a = "${"\\n".repeat(450_000)}"`)).toHaveLength(1);
    expect(refusal(`a = <<E\n${"x\n".repeat(450_000)}`)).toContain("not terminated");
  });

  it("parseHcl() refuses text longer than a record", () => {
    expect(refusal(" ".repeat(HCL_TEXT_MAX_CHARS + 1))).toContain("text longer than");
    expect(refusal(`{${" ".repeat(HCL_TEXT_MAX_CHARS)}}`)).toContain("text longer than");
  });

  it("parseHcl() reads back any tree that was written as HCL", () => {
    const key = fc.oneof(fc.constantFrom("a", "__proto__", "constructor", "path"), fc.string());
    const { body } = fc.letrec<{ body: unknown; value: unknown }>((tie) => ({
      body: fc.array(fc.tuple(key, tie("value")), { maxLength: 4, depthIdentifier: "d" }),
      value: fc.oneof(
        { maxDepth: 4, depthIdentifier: "d" },
        fc.string({ unit: "grapheme" }),
        fc.integer(),
        fc.boolean(),
        fc.array(tie("value"), { maxLength: 3, depthIdentifier: "d" }),
        tie("body").map((each) => ({ body: each })),
      ),
    }));
    const isBody = (value: unknown): value is { body: unknown } =>
      typeof value === "object" && value !== null && "body" in value;
    const write = (value: unknown): string => {
      if (Array.isArray(value)) return `[${value.map(write).join(", ")}]`;
      return isBody(value) ? `{ ${writeItems(value.body)} }` : JSON.stringify(value);
    };
    const writeItems = (items: unknown): string =>
      (items as [string, unknown][])
        .map(([name, value]) => `${JSON.stringify(name)} = ${write(value)}`).join("\n");
    fc.assert(fc.property(body, (tree) => {
      expect(plain(parseHcl(`# head\n${writeItems(tree)}`))).toEqual(tree);
    }));
  });

  it("parseHcl() returns a tree or throws HclSyntaxError for any text", () => {
    const bit = fc.constantFrom(
      ...'{}[]=,:"\\\n #/*<-_a1.',
      "<<EOF\n",
      "EOF",
      "path",
      "true",
      "\\u00",
    );
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 40 }), (bits) => {
        try {
          parseHcl(bits.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(HclSyntaxError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseHcl() on JSON", () => {
  it.each<[string, string, unknown]>([
    ["an object", '{"a":{"b":[1,"x",null,true]}}', [["a", {
      body: [["b", [1, "x", null, true]]],
    }]]],
    ["blanks around", ' \n {"a":1}\n ', [["a", 1]]],
    ["a byte order mark", '\uFEFF{"a":1}', [["a", 1]]],
    ["repeated names", '{"a":1,"a":2}', [["a", 1], ["a", 2]]],
    ["escapes", String.raw`{"a":"\/\b\f\ud83d\udd11"}`, [["a", "/\b\f🔑"]]],
    ["__proto__", '{"__proto__":{"x":1}}', [["__proto__", { body: [["x", 1]] }]]],
    ["numbers", '{"a":[-0.5,1e2]}', [["a", [-0.5, 100]]]],
  ])("parseHcl() reads JSON with %s", (_what, text, tree) => {
    expect(plain(parseHcl(text))).toEqual(tree);
  });

  it.each<[string, string]>([
    ["a trailing comma", '{"a":[1,]}'],
    ["a missing comma", '{"a":1 "b":2}'],
    ["= for :", '{"a"=1}'],
    ["bare names", "{a:1}"],
    ["comments", '{"a":1 /* x */}'],
    ["hexadecimal", '{"a":0x1f}'],
    ["a missing end", '{"a":1'],
    ["text after the end", '{"a":1} b'],
    ["a second object", '{"a":1}{}'],
    ["a block", '{"a" {}}'],
    ["control characters in a string", '{"a":"\t"}'],
    ["a long escape", String.raw`{"a":"\U0001F511"}`],
  ])("parseHcl() refuses JSON with %s", (_what, text) => {
    expect(refusal(text)).toMatch(/^At \d+:\d+: /);
  });

  it("parseHcl() accepts exactly the JSON that JSON.parse accepts", () => {
    const mutated = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", ",", "}", "]", '"', ":", "1"),
    );
    fc.assert(fc.property(mutated, ([json, at, insertion]) => {
      const whole = `{"a":${json}}`;
      const place = 1 + (at % whole.length);
      const text = whole.slice(0, place) + insertion + whole.slice(place);
      let isValid = true;
      try {
        JSON.parse(text);
      } catch {
        isValid = false;
      }
      if (isValid) parseHcl(text);
      else expect(() => parseHcl(text)).toThrow(HclSyntaxError);
    }));
  });
});

import { toJsonSchema } from "@valibot/to-json-schema";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import {
  anything,
  boolean,
  coerceDuration,
  coerceInteger,
  coerceText,
  duration,
  integer,
  integerList,
  object,
  readFields,
  signedDuration,
  text,
  textList,
} from "../../src/wire/fields.ts";
import { VaultError } from "../../src/errors.ts";
import { accepts, type JsonSchema } from "./json_schema.ts";
import { refusal, send } from "../engines/engine_requests.ts";
import { createKv2 } from "../../src/engines/kv/kv2.ts";
import { createMemoryMountRecords } from "../engines/memory_engine_storage.ts";
import { expectLinear } from "../bounds/cost.ts";

const REFUSED = Symbol("refused");

type Field = v.GenericSchema<unknown, unknown>;
const KINDS: Readonly<Record<string, (about: string) => Field>> = {
  integer,
  boolean,
  text,
  duration,
  signedDuration,
  integerList,
  textList,
  object,
  anything: (about) => anything(about, "text"),
};

/** The field's value for the input, or REFUSED if the error blames the field. */
function outcome(field: Field, value: unknown): unknown {
  try {
    return readFields(v.object({ f: field }), { f: value }, "")["f"];
  } catch (error) {
    if (!(error instanceof VaultError) || error.code !== "invalid_request") throw error;
    expect(error.message).toMatch(/^error converting input for field "f": /);
    return REFUSED;
  }
}

describe("fields", () => {
  it.each([
    [5, 5],
    ["5", 5],
    ["-5", -5],
    ["+5", 5],
    ["0x10", 16],
    ["-0XfF", -255],
    ["0b101", 5],
    ["0o17", 15],
    ["+010", 8],
    ["1_000", 1000],
    ["0x_1", 1],
    ["0_7", 7],
    ["0", 0],
    ["-0", 0],
    ["08", REFUSED],
    ["1__0", REFUSED],
    ["1_", REFUSED],
    ["_1", REFUSED],
    ["0x", REFUSED],
    ["0b2", REFUSED],
    [" 1", REFUSED],
    ["1e3", REFUSED],
    ["", 0],
    [null, 0],
    [true, 1],
    [1.5, REFUSED],
    ["1.5", REFUSED],
    ["five", REFUSED],
    ["9007199254740993", REFUSED],
    [2 ** 53, REFUSED],
    [[], REFUSED],
    [{}, REFUSED],
  ])("integer() turns %j into %s", (value, expected) => {
    expect(outcome(integer("a number"), value)).toBe(expected);
    expect(coerceInteger(value)).toBe(expected === REFUSED ? null : expected);
  });

  it.each([
    [true, true],
    ["true", true],
    ["T", true],
    [1, true],
    ["0", false],
    ["", false],
    [null, false],
    [2, REFUSED],
    ["yes", REFUSED],
    [[true], REFUSED],
    [{}, REFUSED],
  ])("boolean() turns %j into %s", (value, expected) => {
    expect(outcome(boolean("a choice"), value)).toBe(expected);
  });

  it.each([
    [60, 60, 60],
    ["60", 60, 60],
    ["1h", 3600, 3600],
    ["1.9s", 1, 1],
    ["", 0, 0],
    [null, undefined, undefined],
    [-60, REFUSED, -60],
    ["-1h", REFUSED, -3600],
    ["--1h", REFUSED, REFUSED],
    ["-", REFUSED, REFUSED],
    ["1.5", REFUSED, REFUSED],
    [1.5, REFUSED, REFUSED],
    [-1.5, REFUSED, REFUSED],
    ["0x10", REFUSED, REFUSED],
    ["010", 10, 10],
    ["soon", REFUSED, REFUSED],
    [true, REFUSED, REFUSED],
    [["1h"], REFUSED, REFUSED],
    [["-1"], REFUSED, REFUSED],
    [1e10, REFUSED, REFUSED],
    ["9999999h", REFUSED, REFUSED],
  ])("duration fields turn %j into %s unsigned, %s signed", (value, unsigned, signed) => {
    expect(outcome(duration("a time"), value)).toBe(unsigned);
    expect(outcome(signedDuration("a time"), value)).toBe(signed);
  });

  it("a refused duration is reported as negative, or as not a duration", () => {
    const schema = v.object({ f: duration("a time") });
    expect(() => readFields(schema, { f: "-1h" })).toThrow(/: cannot provide negative value$/);
    expect(() => readFields(schema, { f: -1 })).toThrow(/: cannot provide negative value$/);
    expect(() => readFields(schema, { f: "-x" })).toThrow(/: expected a duration, got string$/);
  });

  it.each([
    [[1, "2", true], [1, 2, 1]],
    ["1,0x2,3_0", [1, 2, 30]],
    ["1,,", [1, 0, 0]],
    ["1, 2", REFUSED],
    [" 1", REFUSED],
    [["1 "], REFUSED],
    [7, [7]],
    [true, [1]],
    ["", []],
    [null, []],
    [[], []],
    ["1,x", REFUSED],
    ["1 2", REFUSED],
    ["1,9007199254740993", REFUSED],
    [1.5, REFUSED],
    [[[1]], REFUSED],
    [{}, []],
    [{ a: 1 }, REFUSED],
  ])("integerList() turns %j into %o", (value, expected) => {
    expect(outcome(integerList("numbers"), value)).toEqual(expected);
  });

  it.each([
    [["a", 1, true], ["a", "1", "1"]],
    ["a, b,c", ["a", "b", "c"]],
    [7, ["7"]],
    ["", []],
    [null, []],
    [[["a"]], REFUSED],
    [{}, REFUSED],
  ])("textList() turns %j into %o", (value, expected) => {
    expect(outcome(textList("texts"), value)).toEqual(expected);
  });

  it.each([
    [{ a: 1 }, { a: 1 }],
    [null, {}],
    [[], {}],
    [[{ a: 1, b: 1 }, { b: 2 }], { a: 1, b: 2 }],
    [[1], REFUSED],
    ["x", REFUSED],
    [1, REFUSED],
  ])("object() turns %j into %o", (value, expected) => {
    expect(outcome(object("members"), value)).toEqual(expected);
  });

  it.each([
    ["x", "x"],
    [5, "5"],
    [true, "1"],
    [null, ""],
    [[], REFUSED],
  ])("text() turns %j into %o", (value, expected) => {
    expect(outcome(text("words"), value)).toBe(expected);
    expect(coerceText(value)).toBe(expected === REFUSED ? null : expected);
  });

  it.each([[[1]], [null], ["x"], [{ a: null }]])("anything() leaves %j unchanged", (value) => {
    expect(outcome(anything("no matter what", "text"), value)).toBe(value);
  });

  it.each(Object.keys(KINDS))(
    "%s() reads a missing or inherited member as undefined",
    (kind) => {
      const field = KINDS[kind]!("a field");
      const schema = v.object({ toString: field, constructor: field, other: field });
      expect(readFields(schema, {})).toEqual({});
    },
  );

  it("text() keeps the digits of a raw JSON number, and number fields refuse it", () => {
    const number = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON("1.50");
    expect(outcome(text("words"), number)).toBe("1.50");
    expect(coerceText(number)).toBe("1.50");
    expect(outcome(anything("no matter what", "text"), number)).toBe(number);
    for (const field of [integer("a number"), duration("a time"), boolean("a choice")]) {
      expect(outcome(field, number)).toBe(REFUSED);
    }
  });

  it.each([[5, 5], ["-5s", -5], ["-1.5s", -1], [null, 0], ["", 0], ["1d", 86_400]])(
    "coerceDuration() turns %j into %i seconds",
    (value, seconds) => expect(coerceDuration(value)).toBe(seconds),
  );

  it.each([[1.5], ["1.5"], [true], [[]], [{}], [99_999_999_999]])(
    "coerceDuration() returns null for %j",
    (value) => expect(coerceDuration(value)).toBeNull(),
  );

  it("a refusal names the first bad field and quotes no input", () => {
    const schema = v.object({ a: integer("a number"), b: integerList("numbers") });
    expect(() => readFields(schema, { b: ["hunter2"], a: "hunter2" })).toThrow(
      'Field validation failed: error converting input for field "a": expected an integer, got string',
    );
    expect(() => readFields(schema, { b: [1, { hunter2: 1 }] })).toThrow(
      'Field validation failed: error converting input for field "b": ' +
        "expected a list of integers, got object",
    );
  });

  it("fields refuse long hostile text in linear time", async () => {
    for (const kind of ["integer", "boolean", "duration", "signedDuration", "integerList"]) {
      const field = KINDS[kind]!("a field");
      await expectLinear((factor) => {
        const times = factor * 100_000;
        const values = [
          `${"1".repeat(times)}x`,
          `${" ".repeat(times)}x`,
          `1${",1 ".repeat(times)}x`,
        ];
        expect(values.map((value) => outcome(field, value))).toEqual([REFUSED, REFUSED, REFUSED]);
        return () => values.forEach((value) => outcome(field, value));
      });
    }
  });

  it("kv errors are prefixed except in writes that follow an existence check", async () => {
    const kv = createKv2(createMemoryMountRecords());
    const bare = /^invalid_request: error converting/;
    const prefixed = /^invalid_request: Field validation failed: error converting/;
    expect(await refusal(send(kv, "update", "data/a", { data: 1 }))).toMatch(bare);
    expect(await refusal(send(kv, "create", "data/a", { data: 1 }))).toMatch(bare);
    expect(await refusal(send(kv, "patch", "data/a", { data: 1 }))).toMatch(prefixed);
    expect(await refusal(send(kv, "read", "data/a", { version: "x" }))).toMatch(prefixed);
    expect(await refusal(send(kv, "update", "config", { max_versions: "x" }))).toMatch(prefixed);
  });
});

describe("JSON Schema of fields", () => {
  const describeField = (field: Field) =>
    toJsonSchema(field, {
      typeMode: "input",
      overrideSchema: ({ valibotSchema }) =>
        valibotSchema.type === "custom" ? { type: "object" } : undefined,
    }) as JsonSchema;

  /** Leaves out text with numbers out of range, because no pattern can recognise it. */
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      "",
      "1",
      "0",
      "T",
      "True",
      "yes",
      "+5",
      "-5",
      "1.5",
    ),
    fc.constantFrom<unknown>(
      "1h",
      "1.5h30m",
      "2d",
      "-1h",
      "+1m",
      "--1h",
      "1h2",
      ".5s",
      ".",
      "-",
      "1x",
    ),
    fc.constantFrom<unknown>("1,2", " 1 , ,+2", "1 2", "1,x", ",", "a,b", "1\n", "٣", "0", "-0.5s"),
    fc.constantFrom<unknown>("0x1F", "0b1", "0o7", "1_0", "010", "08", "0_", "1,0x1", "1,1_"),
    fc.constantFrom<unknown>(0, 1, 2, -1, 1.5, 2 ** 53, -(2 ** 53), 2 ** 53 - 1),
    fc.integer(),
    fc.double({ min: -1e9, max: 1e9, noNaN: true }),
    fc.stringMatching(/^[-+0-9a-z., ]{0,12}$/),
    fc.string(),
  );
  const value = fc.oneof(
    leaf,
    fc.array(leaf, { maxLength: 3 }),
    fc.dictionary(fc.string(), leaf, { maxKeys: 2 }),
    fc.array(fc.oneof(leaf, fc.dictionary(fc.string(), leaf, { maxKeys: 2 })), { maxLength: 3 }),
  );

  it.each(Object.keys(KINDS))(
    "the JSON Schema of %s() accepts exactly what the field accepts",
    (kind) => {
      const field = KINDS[kind]!("a field");
      const schema = describeField(field);
      const isTime = kind.toLowerCase().endsWith("duration");
      fc.assert(
        fc.property(value, (sent) => {
          fc.pre(!isTime || typeof sent !== "number" || Math.abs(sent) < 9e9);
          fc.pre(!isTime || typeof sent !== "string" || !/[0-9]{7}/.test(sent));
          expect(accepts(schema, sent)).toBe(outcome(field, sent) !== REFUSED);
        }),
        { numRuns: 2000 },
      );
    },
  );

  it.each(Object.keys(KINDS))(
    "the JSON Schema of %s() suggests one type to write, and the field reads all of it",
    (kind) => {
      const field = KINDS[kind]!("a field");
      const { written } = describeField(field);
      expect(written?.type).toEqual(expect.any(String));
      const isTime = kind.toLowerCase().endsWith("duration");
      fc.assert(
        fc.property(value, (sent) => {
          fc.pre(!isTime || typeof sent !== "string" || !/[0-9]{7}/.test(sent));
          fc.pre(typeof sent !== "number" || Number.isSafeInteger(sent));
          fc.pre(
            !Array.isArray(sent) ||
              sent.every((each) => !Number.isInteger(each) || Number.isSafeInteger(each)),
          );
          if (accepts(written!, sent)) expect(outcome(field, sent)).not.toBe(REFUSED);
        }),
        { numRuns: 2000 },
      );
    },
  );

  it.each(Object.keys(KINDS))("the JSON Schema of %s() carries its description", (kind) => {
    expect(describeField(KINDS[kind]!("what it is for"))).toMatchObject({
      description: "what it is for",
    });
  });
});

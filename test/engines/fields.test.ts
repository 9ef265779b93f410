import { describe, expect, it } from "vitest";
import {
  type Fields,
  fieldsOf,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readIntegerList,
  readObject,
  readSignedDurationSeconds,
  readText,
} from "../../src/engines/fields.ts";
import { VaultError } from "../../src/errors.ts";
import { request } from "./requests.ts";

const REFUSED = Symbol("refused");

/** What `read` makes of the value, or REFUSED when it blames the field. */
function outcome(read: (fields: Fields, name: string) => unknown, value: unknown): unknown {
  const fields: Fields = { data: { f: value }, errorPrefix: "" };
  try {
    return read(fields, "f");
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
  ])("readInteger() makes of %j %s", (value, expected) => {
    expect(outcome(readInteger, value)).toBe(expected);
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
  ])("readBoolean() makes of %j %s", (value, expected) => {
    expect(outcome(readBoolean, value)).toBe(expected);
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
    ["soon", REFUSED, REFUSED],
    [true, REFUSED, REFUSED],
    [["1h"], REFUSED, REFUSED],
    [["-1"], REFUSED, REFUSED],
  ])("durations are made of %j: %s unsigned, %s signed", (value, unsigned, signed) => {
    expect(outcome(readDurationSeconds, value)).toBe(unsigned);
    expect(outcome(readSignedDurationSeconds, value)).toBe(signed);
  });

  it.each([
    [[1, "2", true], [1, 2, 1]],
    ["1, 2,3", [1, 2, 3]],
    [7, [7]],
    ["", []],
    [null, []],
    [[], []],
    ["1,x", REFUSED],
    [[[1]], REFUSED],
    [{}, REFUSED],
  ])("readIntegerList() makes of %j %j", (value, expected) => {
    expect(outcome(readIntegerList, value)).toEqual(expected);
  });

  it.each([
    [{ a: 1 }, { a: 1 }],
    [null, {}],
    [[], {}],
    [[{ a: 1, b: 1 }, { b: 2 }], { a: 1, b: 2 }],
    [[1], REFUSED],
    ["x", REFUSED],
    [1, REFUSED],
  ])("readObject() makes of %j %j", (value, expected) => {
    expect(outcome(readObject, value)).toEqual(expected);
  });

  it.each([
    ["x", "x"],
    [5, "5"],
    [true, "1"],
    [null, ""],
    [[], REFUSED],
  ])("readText() makes of %j %j", (value, expected) => {
    expect(outcome(readText, value)).toBe(expected);
  });

  it("takes a field that was not sent, or only inherited, as undefined", () => {
    const fields: Fields = { data: {}, errorPrefix: "" };
    for (const read of [readInteger, readBoolean, readText, readIntegerList, readObject]) {
      expect(read(fields, "toString")).toBeUndefined();
    }
    expect(readDurationSeconds(fields, "constructor")).toBeUndefined();
  });

  it("prefixes errors everywhere but in writes behind an existence check", () => {
    const prefix = "Field validation failed: ";
    expect(fieldsOf(request("update", "data/a"), true).errorPrefix).toBe("");
    expect(fieldsOf(request("create", "data/a"), true).errorPrefix).toBe("");
    expect(fieldsOf(request("patch", "data/a"), true).errorPrefix).toBe(prefix);
    expect(fieldsOf(request("read", "data/a"), true).errorPrefix).toBe(prefix);
    expect(fieldsOf(request("update", "config"), false).errorPrefix).toBe(prefix);
  });
});

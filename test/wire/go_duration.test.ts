import { describe, expect, it } from "vitest";
import { formatShortDuration } from "../../src/wire/duration.ts";
import { readGoDuration } from "../../src/wire/go_duration.ts";
import { refusalOf } from "../access/refusal.ts";

describe("readGoDuration()", () => {
  it.each<[string, number]>([
    ["", 0],
    ["0", 0],
    ["-0", 0],
    ["90", 90],
    ["+5", 5],
    ["-5", -5],
    ["00012", 12],
    ["1d", 86_400],
    ["-1d", -86_400],
    ["1h30m", 5400],
    ["-1.5h", -5400],
    [".5s", 0.5],
    ["1.s", 1],
    ["500ms", 0.5],
    ["0.29h", 1044],
    ["1.57h", 5652],
    ["17.58h", 63_288],
    ["34.57m", 2074.2],
    [`0.${"9".repeat(40)}s`, 1],
    ["1µs", 0.000001],
    ["1μs", 0.000001],
    ["1ns", 1e-9],
    ["9223372036", 9_223_372_036],
    ["106751d", 9_223_286_400],
    ["2562047h", 9_223_369_200],
  ])("readGoDuration() reads %j as %d seconds", (text, seconds) => {
    expect(readGoDuration(text)).toBeCloseTo(seconds, 9);
  });

  const overflow = "multiplication of durations resulted in overflow, one operand may be too large";
  it.each([
    ["zz", 'time: invalid duration "zz"'],
    ["-", 'time: invalid duration "-"'],
    [".s", 'time: invalid duration ".s"'],
    ["--1h", 'time: invalid duration "--1h"'],
    ["1.5", 'time: missing unit in duration "1.5"'],
    ["1h30", 'time: missing unit in duration "1h30"'],
    ["1x", 'time: unknown unit "x" in duration "1x"'],
    ["1h-2m", 'time: unknown unit "h-" in duration "1h-2m"'],
    ["5ä", 'time: unknown unit "\\xc3\\xa4" in duration "5\\xc3\\xa4"'],
    ['5"\\', 'time: unknown unit "\\"\\\\" in duration "5\\"\\\\"'],
    ["2562048h", 'time: invalid duration "2562048h"'],
    ["99999999999999999999", 'time: invalid duration "99999999999999999999"'],
    ["9".repeat(10_000), `time: invalid duration "${"9".repeat(128)}..."`],
    ["9223372037", overflow],
    ["106752d", overflow],
    ["1.5d", 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    ["d", 'strconv.ParseInt: parsing "": invalid syntax'],
    [
      "99999999999999999999d",
      'strconv.ParseInt: parsing "99999999999999999999": ' +
      "value out of range",
    ],
  ])("readGoDuration() refuses %j in Go's words", (text, why) => {
    expect(refusalOf(() => readGoDuration(text))).toBe(why);
  });
});

describe("formatShortDuration()", () => {
  it.each([
    [0, "0s"],
    [1, "1s"],
    [90, "1m30s"],
    [600, "10m"],
    [3600, "1h"],
    [3605, "1h5s"],
    [5400, "1h30m"],
    [2_764_800, "768h"],
    [0.5, "500ms"],
  ])("formatShortDuration() writes %d seconds as %s", (seconds, text) => {
    expect(formatShortDuration(seconds)).toBe(text);
  });
});

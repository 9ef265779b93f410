import { describe, expect, it } from "vitest";
import { formatGoDuration, parseDurationSeconds } from "../../src/wire/duration.ts";

describe("parseDurationSeconds()", () => {
  it.each<[unknown, number]>([
    [0, 0],
    [90, 90],
    [1.5, 1.5],
    ["", 0],
    ["0", 0],
    ["90", 90],
    ["+90", 90],
    ["2d", 172_800],
    ["1h", 3600],
    ["1h30m", 5400],
    ["1.5h", 5400],
    ["300ms", 0.3],
    ["1m30s", 90],
    [".5s", 0.5],
    ["1.s", 1],
    ["100us", 0.0001],
    ["100µs", 0.0001],
    ["100μs", 0.0001],
    ["7ns", 7e-9],
    ["768h", 2_764_800],
    ["9223372036", 9_223_372_036],
  ])("parseDurationSeconds() reads %j as %d seconds", (value, seconds) => {
    expect(parseDurationSeconds(value)).toBe(seconds);
  });

  it.each<[unknown]>([
    [-1],
    ["-1"],
    ["-1h"],
    [NaN],
    [Infinity],
    ["zz"],
    ["1" + "0".repeat(80)],
    ["9223372037"],
    ["3000000h"],
    ["1.5"],
    ["."],
    [".s"],
    ["1h30"],
    ["1x"],
    ["1 h"],
    [" 1h"],
    ["1d12h"],
    ["1.5d"],
    ["1e3"],
    ["0x10"],
    [true],
    [null],
    [undefined],
    [["1h"]],
    [{}],
  ])("parseDurationSeconds() refuses %j", (value) => {
    expect(parseDurationSeconds(value)).toBeNull();
  });
});

describe("formatGoDuration()", () => {
  it.each<[number, string]>([
    [0, "0s"],
    [-0, "0s"],
    [1, "1s"],
    [59, "59s"],
    [60, "1m0s"],
    [90, "1m30s"],
    [3600, "1h0m0s"],
    [172_800, "48h0m0s"],
    [2_764_800, "768h0m0s"],
    [1.5, "1.5s"],
    [61.25, "1m1.25s"],
    [0.3, "300ms"],
    [0.0025, "2.5ms"],
    [0.0000015, "1.5µs"],
    [7e-9, "7ns"],
    [0.9999999999, "1s"],
    [-90, "-1m30s"],
  ])("formatGoDuration() prints %d as %s", (seconds, text) => {
    expect(formatGoDuration(seconds)).toBe(text);
  });

  it("parseDurationSeconds() reads back what formatGoDuration() prints", () => {
    for (const seconds of [0, 0.3, 1, 61.25, 3599, 86_400, 2_764_800]) {
      expect(parseDurationSeconds(formatGoDuration(seconds))).toBe(seconds);
    }
  });

  it("formatGoDuration() refuses NaN and Infinity", () => {
    expect(() => formatGoDuration(NaN)).toThrow(RangeError);
    expect(() => formatGoDuration(Infinity)).toThrow(RangeError);
  });
});

import { describe, expect, it } from "vitest";
import {
  formatAbsoluteTime,
  parseAbsoluteTime,
  ZERO_TIME_MS,
} from "../../src/wire/absolute_time.ts";

describe("parseAbsoluteTime()", () => {
  it.each<[string, number]>([
    ["2030-01-01T00:00:00Z", Date.UTC(2030, 0, 1)],
    ["2030-01-01T00:00:00+02:00", Date.UTC(2029, 11, 31, 22)],
    ["2030-01-01T00:00:00-00:30", Date.UTC(2030, 0, 1, 0, 30)],
    ["2030-01-01T00:00:00.123456789Z", Date.UTC(2030, 0, 1, 0, 0, 0, 123)],
    ["2030-01-01T00:00:00.5Z", Date.UTC(2030, 0, 1, 0, 0, 0, 500)],
    ["2028-02-29T23:59:59Z", Date.UTC(2028, 1, 29, 23, 59, 59)],
    ["0001-01-01T00:00:00Z", ZERO_TIME_MS],
    ["1900000000", 1_900_000_000_000],
    ["-1", -1000],
    ["0", 0],
  ])("parseAbsoluteTime() reads %s", (text, ms) => {
    expect(parseAbsoluteTime(text)).toBe(ms);
  });

  it.each([
    "",
    "zz",
    "2030-01-01",
    "2030-01-01T00:00:00",
    "2030-01-01t00:00:00z",
    "2030-01-01 00:00:00Z",
    "2030-02-30T00:00:00Z",
    "2029-02-29T00:00:00Z",
    "2030-13-01T00:00:00Z",
    "2030-00-01T00:00:00Z",
    "2030-01-01T24:00:00Z",
    "2030-01-01T00:60:00Z",
    "2030-01-01T00:00:60Z",
    "2030-01-01T00:00:00+02:60",
    "1.5",
    "9".repeat(18),
    `2030-01-01T00:00:00.${"1".repeat(100_000)}Z`,
  ])("parseAbsoluteTime() refuses %j", (text) => {
    expect(parseAbsoluteTime(text)).toBeNull();
  });
});

describe("formatAbsoluteTime()", () => {
  it.each<[number, string]>([
    [Date.UTC(2030, 0, 1), "2030-01-01T00:00:00Z"],
    [Date.UTC(2030, 0, 1, 10, 20, 30, 120), "2030-01-01T10:20:30.12Z"],
    [Date.UTC(2030, 0, 1, 0, 0, 0, 5), "2030-01-01T00:00:00.005Z"],
  ])("formatAbsoluteTime() prints %i as %s", (ms, text) => {
    expect(formatAbsoluteTime(ms)).toBe(text);
    expect(parseAbsoluteTime(text)).toBe(ms);
  });
});

/**
 * Durations as Vault's API writes them: seconds as a number, seconds as text, or Go's duration text.
 * Pure; never reads a clock.
 */

import { DURATION_MAX_CHARS } from "../limits.ts";

const NANOSECONDS_PER_SECOND = 1_000_000_000;
/** Go keeps a duration in a signed 64-bit count of nanoseconds; more does not parse there either. */
const DURATION_MAX_SECONDS = 9_223_372_036;
const SECONDS_PER_DAY = 24 * 60 * 60;

const WHOLE_SECONDS = /^\+?[0-9]+$/;
const WHOLE_DAYS = /^\+?([0-9]+)d$/;
const GO_DURATION = /^\+?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
/** Every form of a duration as text, and its negative. */
export const DURATION_TEXT =
  /^(?:[+-]?(?:[0-9]+d?|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+))?$/;
const GO_DURATION_PART = /([0-9.]+)(ns|us|µs|μs|ms|s|m|h)/g;

/** Both spellings of micro, as in Go: U+00B5 and U+03BC. */
const SECONDS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-9],
  ["us", 1e-6],
  ["µs", 1e-6],
  ["μs", 1e-6],
  ["ms", 1e-3],
  ["s", 1],
  ["m", 60],
  ["h", 3600],
]);

/**
 * Reads a duration of a request or a policy.
 *
 * A number is seconds; text is whole seconds (`"90"`), whole days (`"2d"`) or Go's form (`"1h30m"`,
 * `"1.5h"`, `"300ms"`); empty text is 0, as in Vault. The answer is in seconds, with a fraction where
 * one was given, rounded to nanoseconds. Null means: not a duration, negative, or more than Go's
 * 292 years. Source: go-secure-stdlib parseutil, Go time.ParseDuration.
 */
export function parseDurationSeconds(value: unknown): number | null {
  if (typeof value === "number") return inRange(value);
  if (typeof value !== "string" || value.length > DURATION_MAX_CHARS) return null;
  if (value === "") return 0;
  if (WHOLE_SECONDS.test(value)) return inRange(Number(value));
  const days = WHOLE_DAYS.exec(value)?.[1];
  if (days !== undefined) return inRange(Number(days) * SECONDS_PER_DAY);
  if (!GO_DURATION.test(value)) return null;
  let seconds = 0;
  for (const [, amount, unit] of value.matchAll(GO_DURATION_PART)) {
    seconds += Number(amount) * (SECONDS_PER_UNIT.get(unit ?? "") ?? NaN);
  }
  const whole = Math.floor(seconds);
  const nanoseconds = Math.round((seconds - whole) * NANOSECONDS_PER_SECOND);
  return inRange(whole + nanoseconds / NANOSECONDS_PER_SECOND);
}

/**
 * Prints seconds as Go prints a `time.Duration`: `48h0m0s`, `1m30s`, `0s`, `1.5s`, `300ms`.
 * Finite seconds only; finer than a nanosecond is rounded.
 */
export function formatGoDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) {
    throw new RangeError(`duration must be finite: got ${seconds}`);
  }
  if (seconds < 0) return `-${formatGoDuration(-seconds)}`;
  let whole = Math.floor(seconds);
  let nanoseconds = Math.round((seconds - whole) * NANOSECONDS_PER_SECOND);
  if (nanoseconds === NANOSECONDS_PER_SECOND) {
    whole += 1;
    nanoseconds = 0;
  }
  if (whole === 0) return formatBelowSecond(nanoseconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = `${withFraction(whole % 60, nanoseconds, 9)}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** The same without what is zero at its end or in its middle: `768h`, `1h30m`, `1h5s`, `0s`. */
export function formatShortDuration(seconds: number): string {
  return formatGoDuration(seconds).replace(/m0s$/, "m").replace(/h0m/, "h");
}

function formatBelowSecond(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 1000) return `${nanoseconds}ns`;
  if (nanoseconds < 1_000_000) {
    return `${withFraction(Math.floor(nanoseconds / 1000), nanoseconds % 1000, 3)}µs`;
  }
  return `${withFraction(Math.floor(nanoseconds / 1_000_000), nanoseconds % 1_000_000, 6)}ms`;
}

function withFraction(whole: number, fraction: number, digits: number): string {
  if (fraction === 0) return String(whole);
  return `${whole}.${String(fraction).padStart(digits, "0").replace(/0+$/, "")}`;
}

function inRange(seconds: number): number | null {
  return seconds >= 0 && seconds <= DURATION_MAX_SECONDS ? seconds + 0 : null;
}

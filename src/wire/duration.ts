/**
 * Durations as Vault's API writes them: seconds as a number, seconds as text, or Go's duration
 * text. Pure; never reads a clock.
 */

import { DURATION_MAX_SECONDS } from "../limits.ts";
import { readGoDuration } from "./go_duration.ts";
import { VaultError } from "../errors.ts";

const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** Every textual form of a duration, with or without a sign. */
export const DURATION_TEXT =
  /^(?:[+-]?(?:[0-9]+d?|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+))?$/;

/**
 * Reads a duration from a request or a policy.
 *
 * A number is seconds. Text is whole seconds (`"90"`), whole days (`"2d"`) or Go's form (`"1h30m"`,
 * `"1.5h"`, `"300ms"`); empty text is 0, as in Vault. Returns seconds, with any fraction cut to
 * nanoseconds as Go does. Null if the value is not a duration, is negative, or exceeds Go's 292
 * years. Source: go-secure-stdlib parseutil, Go time.ParseDuration.
 */
export function parseDurationSeconds(value: unknown): number | null {
  if (typeof value === "number") return inRange(value);
  if (typeof value !== "string" || value.startsWith("-")) return null;
  try {
    return inRange(readGoDuration(value));
  } catch (error) {
    if (error instanceof VaultError) return null;
    throw error;
  }
}

/**
 * Prints seconds as Go prints a `time.Duration`: `48h0m0s`, `1m30s`, `0s`, `1.5s`, `300ms`. Rounds
 * to nanoseconds. Throws RangeError unless `seconds` is finite.
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

/** Like `formatGoDuration`, without zero parts inside or at the end: `768h`, `1h5s`, `0s`. */
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

/** Leases in mount settings: texts, refused in Go's own words. Pure. */

import { parseDurationSeconds } from "../../../wire/duration.ts";
import { invalidRequest } from "../../../errors.ts";
import { DURATION_MAX_CHARS } from "../../../limits.ts";

/** Means the system's lease, and is stored as 0. */
const SYSTEM = "system";
const UNITS: ReadonlySet<string> = new Set(["ns", "us", "µs", "μs", "ms", "s", "m", "h"]);
const NEGATIVE = "cannot provide negative value";
const OVERFLOW = "multiplication of durations resulted in overflow, one operand may be too large";

/**
 * Whole seconds; null for "", which sets nothing. Throws `invalid_request` with `before` and the
 * reason. Negative leases, which the reference accepts, are refused: they mean nothing.
 */
export function settingSeconds(text: string, before = ""): number | null {
  if (text === "") return null;
  if (text === SYSTEM) return 0;
  const seconds = parseDurationSeconds(text.replace(/^-/, ""));
  if (seconds === null) throw invalidRequest(before + unreadable(text));
  if (seconds !== 0 && text.startsWith("-")) throw invalidRequest(before + NEGATIVE);
  return Math.trunc(seconds);
}

function unreadable(text: string): string {
  const [, days] = /^(.*)d$/s.exec(text) ?? [];
  const amount = days ?? text;
  if (/^[+-]?[0-9]+$/.test(amount)) return OVERFLOW;
  const quoted = JSON.stringify(amount);
  if (days !== undefined) return `strconv.ParseInt: parsing ${quoted}: invalid syntax`;
  return unreadableGo(text, quoted);
}

/** The first fault that `time.ParseDuration` would report. */
function unreadableGo(text: string, quoted: string): string {
  if (text.length > DURATION_MAX_CHARS) return `time: invalid duration ${quoted}`;
  let rest = text.replace(/^[+-]/, "");
  while (rest !== "") {
    const [, amount = "", unit = ""] = /^([0-9]*\.?[0-9]*)([^0-9.]*)/s.exec(rest) ?? [];
    if (!/[0-9]/.test(amount)) break;
    if (unit === "") return `time: missing unit in duration ${quoted}`;
    if (!UNITS.has(unit)) return `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
    rest = rest.slice(amount.length + unit.length);
  }
  return `time: invalid duration ${quoted}`;
}

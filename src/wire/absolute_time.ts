/**
 * Points in time as Vault's API accepts them: RFC 3339, or whole seconds since the epoch as text
 * (go-secure-stdlib parseutil `ParseAbsoluteTime`). Pure; never reads a clock.
 */

import { TIME_MAX_CHARS } from "../limits.ts";

const EPOCH_SECONDS = /^[+-]?[0-9]{1,18}$/;
const RFC_3339 =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;
/** The largest distance from the epoch that a `Date` can hold. */
const LAST_DATE_MS = 8.64e15;

/** Go's zero time, the start of year 1, which OpenBao treats as "not set". */
export const ZERO_TIME_MS = -62_135_596_800_000;

/** Milliseconds since the epoch, cut to whole ones. Null if the text is not a point in time. */
export function parseAbsoluteTime(text: string): number | null {
  if (text.length > TIME_MAX_CHARS) return null;
  const ms = EPOCH_SECONDS.test(text) ? Number(text) * 1000 : parseCalendarTime(text);
  return ms === null || Math.abs(ms) > LAST_DATE_MS ? null : ms;
}

/** RFC 3339 in UTC without trailing zeros in the fraction, as Go prints times in JSON. */
export function formatAbsoluteTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0+Z$/, "Z");
}

function parseCalendarTime(text: string): number | null {
  const match = RFC_3339.exec(text);
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7)
    .map(Number);
  const [fraction = "", sign = "+", zoneHours = "00", zoneMinutes = "00"] = match.slice(7);
  if (hour > 23 || minute > 59 || second > 59) return null;
  if (Number(zoneHours) > 24 || Number(zoneMinutes) > 59) return null;
  const date = new Date(0);
  // `Date.UTC` would move the years 0 to 99 into the 20th century.
  date.setUTCFullYear(year, month - 1, day);
  // A day past the end of its month has rolled over into the next one.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  date.setUTCHours(hour, minute, second, Number(fraction.slice(0, 3).padEnd(3, "0")));
  const zoneMs = (Number(zoneHours) * 60 + Number(zoneMinutes)) * 60_000;
  return date.getTime() - (sign === "-" ? -zoneMs : zoneMs);
}

/** Points in time as the API shows them. Pure; never reads a clock. */

/** The last instant that RFC 3339 can write: 9999-12-31T23:59:59.999Z. */
const LAST_TIME_MS = 253_402_300_799_999;

/** RFC 3339 in UTC, with nine digits of fraction. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("Z", "000000Z");
}

/** `seconds` after `nowMs`, capped at the last instant that RFC 3339 can write. */
export function timeAfter(nowMs: number, seconds: number): number {
  return Math.min(nowMs + seconds * 1000, LAST_TIME_MS);
}

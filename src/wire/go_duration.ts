/**
 * The only reader of durations as text. It fails with Go's own messages, which clients see because
 * Vault reads some fields late (go-secure-stdlib parseutil `ParseDurationSecond`, Go
 * `time.ParseDuration`). Pure.
 */

import { encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest } from "../errors.ts";
import { DURATION_MAX_CHARS, QUOTED_MAX_CHARS } from "../limits.ts";

const NANOSECONDS_PER_SECOND = 1_000_000_000n;
const NANOSECONDS_PER_DAY = 86_400n * NANOSECONDS_PER_SECOND;
const INT64_LARGEST = 2n ** 63n - 1n;

const INTEGER = /^[+-]?[0-9]+$/;
/** A number, an optional point with digits, and everything up to the next number. */
const PART = /([0-9]*)(?:(\.)([0-9]*))?([^0-9.]*)/y;

const NANOSECONDS_PER_UNIT: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", NANOSECONDS_PER_SECOND],
  ["m", 60n * NANOSECONDS_PER_SECOND],
  ["h", 3_600n * NANOSECONDS_PER_SECOND],
]);

/**
 * Returns seconds, possibly negative or with a fraction. Empty text is 0. Throws `invalid_request`
 * in Go's words, also for text longer than `DURATION_MAX_CHARS`.
 */
export function readGoDuration(text: string): number {
  if (text === "") return 0;
  if (text.length > DURATION_MAX_CHARS) throw invalid(text);
  if (isInt64(text)) return inSeconds(BigInt(text) * NANOSECONDS_PER_SECOND);
  if (text.endsWith("d")) return inSeconds(readDays(text.slice(0, -1)) * NANOSECONDS_PER_DAY);
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return 0;
  const nanoseconds = readParts(text, unsigned);
  const limit = text.startsWith("-") ? INT64_LARGEST + 1n : INT64_LARGEST;
  if (nanoseconds > limit) throw invalid(text);
  return Number(text.startsWith("-") ? -nanoseconds : nanoseconds) / 1e9;
}

function isInt64(text: string): boolean {
  return INTEGER.test(text) && fitsInt64(BigInt(text));
}

function fitsInt64(count: bigint): boolean {
  return count <= INT64_LARGEST && count >= -INT64_LARGEST - 1n;
}

function readDays(digits: string): bigint {
  if (isInt64(digits)) return BigInt(digits);
  const why = INTEGER.test(digits) ? "value out of range" : "invalid syntax";
  throw invalidRequest(`strconv.ParseInt: parsing ${quote(digits)}: ${why}`);
}

function inSeconds(nanoseconds: bigint): number {
  if (fitsInt64(nanoseconds)) return Number(nanoseconds / NANOSECONDS_PER_SECOND);
  throw invalidRequest(
    "multiplication of durations resulted in overflow, one operand may be too large",
  );
}

function readParts(text: string, unsigned: string): bigint {
  if (unsigned === "") throw invalid(text);
  let nanoseconds = 0n;
  for (let at = 0; at < unsigned.length;) {
    PART.lastIndex = at;
    const [part = "", whole = "", , fraction = "", unit = ""] = PART.exec(unsigned) ?? [];
    if (whole === "" && fraction === "") throw invalid(text);
    if (BigInt(whole) > INT64_LARGEST + 1n) throw invalid(text);
    if (unit === "") throw invalidRequest(`time: missing unit in duration ${quote(text)}`);
    const each = NANOSECONDS_PER_UNIT.get(unit);
    if (each === undefined) {
      throw invalidRequest(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    }
    nanoseconds += BigInt(whole) * each + fractionOf(fraction, each);
    if (nanoseconds > INT64_LARGEST + 1n) throw invalid(text);
    at += part.length;
  }
  return nanoseconds;
}

/** Go's own arithmetic: digits that do not fit into 63 bits are left out, and the rest is cut. */
function fractionOf(digits: string, each: bigint): bigint {
  let kept = digits;
  while (BigInt(kept) > INT64_LARGEST) kept = kept.slice(0, -1);
  return BigInt(Math.trunc(Number(kept) * (Number(each) / 10 ** kept.length)));
}

function invalid(text: string) {
  return invalidRequest(`time: invalid duration ${quote(text)}`);
}

/**
 * Quotes as Go's package time does: byte by byte, escaping control and non-ASCII bytes. Text longer
 * than any real duration is cut.
 */
function quote(text: string): string {
  const shown = [...encodeUtf8(text.slice(0, QUOTED_MAX_CHARS))].map((byte) => {
    const character = String.fromCharCode(byte);
    if (byte < 0x20 || byte >= 0x80) return `\\x${byte.toString(16).padStart(2, "0")}`;
    return character === '"' || character === "\\" ? `\\${character}` : character;
  });
  return `"${shown.join("")}${text.length > QUOTED_MAX_CHARS ? "..." : ""}"`;
}

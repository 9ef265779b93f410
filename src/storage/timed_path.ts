/** Paths of an index that is sorted by time, in milliseconds since the epoch. Pure. */

/** Fixed width, so that text order is time order. */
const TIME_DIGITS = 15;

/** `prefix` ends in "/". `rest` must be unique among entries of the same time. */
export function timedPath(prefix: string, atMs: number, rest: string): string {
  return `${prefix}${String(atMs).padStart(TIME_DIGITS, "0")}/${rest}`;
}

/** Inverse of `timedPath`. */
export function parseTimedPath(
  prefix: string,
  path: string,
): { readonly atMs: number; readonly rest: string } {
  const [time = ""] = path.slice(prefix.length).split("/", 1);
  return { atMs: Number(time), rest: path.slice(prefix.length + time.length + 1) };
}

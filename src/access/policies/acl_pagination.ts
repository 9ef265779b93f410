/**
 * Limits the number of names in a list. A request without a `limit` gets as many names as the
 * policy allows, so the parameter itself is set. Every endpoint that reads `limit` then obeys the
 * policy, and any other warns about it, as in the reference (OpenBao vault/policy/acl.go).
 */

interface PaginationRules {
  readonly requiredParameters: readonly string[];
  readonly paginationLimit: number | null;
}

const LIMIT = "limit";
/** A `limit` that asks for as many names as the policies allow. */
const AS_MANY_AS_ALLOWED = "max";

/** Whether the list is allowed. May set `limit` in `data`. */
export function limitList(
  { paginationLimit, requiredParameters }: PaginationRules,
  data: Record<string, unknown>,
): boolean {
  const isSent = Object.hasOwn(data, LIMIT);
  const asked = data[LIMIT];
  if (paginationLimit === null) {
    // Zero means no limit.
    if (isSent && asked === AS_MANY_AS_ALLOWED) data[LIMIT] = "0";
    return true;
  }
  if (!isSent && requiredParameters.includes(LIMIT)) return false;
  const count = !isSent || asked === AS_MANY_AS_ALLOWED ? 0 : countOf(asked);
  if (count === null || count < 0 || count > paginationLimit) return false;
  if (count === 0) data[LIMIT] = String(paginationLimit);
  return true;
}

/** Null unless the value is a decimal integer in a text, as the reference requires. */
function countOf(asked: unknown): number | null {
  if (asked === "") return 0;
  return typeof asked === "string" && /^[+-]?[0-9]+$/.test(asked) ? Number(asked) : null;
}

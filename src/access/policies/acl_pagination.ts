/**
 * How many names a list may have at most. Who asks for none in particular gets as many as the policy
 * allows, so the parameter itself is set: every endpoint that reads `limit` obeys the policy, and one
 * that does not read it tells so, as in the reference (OpenBao vault/policy/acl.go).
 */

interface PaginationRules {
  readonly requiredParameters: readonly string[];
  readonly paginationLimit: number | null;
}

const LIMIT = "limit";
/** Asks for as many as the policies allow, whatever they say. */
const AS_MANY_AS_ALLOWED = "max";

/** False: not allowed. May set `limit` in `data`. */
export function limitList(
  { paginationLimit, requiredParameters }: PaginationRules,
  data: Record<string, unknown>,
): boolean {
  const isSent = Object.hasOwn(data, LIMIT);
  const asked = data[LIMIT];
  if (paginationLimit === null) {
    // Zero is no limit.
    if (isSent && asked === AS_MANY_AS_ALLOWED) data[LIMIT] = "0";
    return true;
  }
  if (!isSent && requiredParameters.includes(LIMIT)) return false;
  const count = !isSent || asked === AS_MANY_AS_ALLOWED ? 0 : countOf(asked);
  if (count === null || count < 0 || count > paginationLimit) return false;
  if (count === 0) data[LIMIT] = String(paginationLimit);
  return true;
}

/** Null for what is no integer in decimal; the reference refuses it, for it may be anything. */
function countOf(asked: unknown): number | null {
  if (asked === "") return 0;
  return typeof asked === "string" && /^[+-]?[0-9]+$/.test(asked) ? Number(asked) : null;
}

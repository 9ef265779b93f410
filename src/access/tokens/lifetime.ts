/** The lifetime of tokens and leases: Vault's `CalculateTTL` (sdk/framework/lease.go). Pure. */

import { formatShortDuration } from "../../wire/duration.ts";

export interface LeaseLimits {
  readonly defaultSeconds: number;
  readonly maxSeconds: number;
}

/** The limits set for a token, in seconds; 0: not set. */
export interface LifetimeRules {
  readonly ttlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  readonly periodSeconds: number;
}

export interface Lifetime {
  readonly ttlSeconds: number;
  readonly warnings: readonly string[];
}

/**
 * The lifetime from now on, at the given age. `incrementSeconds` is what a renewal asks for, or 0.
 * The result is 0 seconds once the maximum is reached.
 */
export function lifetime(
  rules: LifetimeRules,
  limits: LeaseLimits,
  ageSeconds: number,
  incrementSeconds: number,
): Lifetime {
  const { periodSeconds, explicitMaxTtlSeconds: explicitMax } = rules;
  const max = [rules.maxTtlSeconds, explicitMax]
    .reduce((least, limit) => limit > 0 ? Math.min(least, limit) : least, limits.maxSeconds);
  if (periodSeconds > 0) {
    const period = capped("period", "period", periodSeconds, max);
    if (explicitMax === 0) return period;
    const rest = capped("TTL", "TTL", period.ttlSeconds, Math.max(0, explicitMax - ageSeconds));
    return { ...rest, warnings: [...period.warnings, ...rest.warnings] };
  }
  const own = rules.ttlSeconds > 0 ? rules.ttlSeconds : limits.defaultSeconds;
  const wanted = incrementSeconds > 0 ? incrementSeconds : own;
  return capped("TTL", "TTL", wanted, Math.max(0, max - ageSeconds));
}

function capped(subject: string, what: string, wanted: number, limit: number): Lifetime {
  if (wanted <= limit) return { ttlSeconds: wanted, warnings: [] };
  const warning = `${subject} of "${formatShortDuration(wanted)}" exceeded the effective max_ttl ` +
    `of "${formatShortDuration(limit)}"; ${what} value is capped accordingly`;
  return { ttlSeconds: limit, warnings: [warning] };
}

/** The difference of the two times in whole seconds, each truncated as in the reference. */
export function ageSeconds(createdAtMs: number, nowMs: number): number {
  return Math.floor(nowMs / 1000) - Math.floor(createdAtMs / 1000);
}

/** The lower of two limits, where 0 means no limit. */
export function lesserLimit(left: number, right: number): number {
  return left === 0 || right === 0 ? Math.max(left, right) : Math.min(left, right);
}

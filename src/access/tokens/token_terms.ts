/**
 * How long a token of the token store lives, from the request, its role and the mount. Pure; throws
 * `invalid_request` in the reference's words (openbao token_store.go `parseAndMergeTTLPeriod`).
 */

import { invalidRequest } from "../../errors.ts";
import { readGoDuration } from "../../wire/go_duration.ts";
import { ageSeconds, type LeaseLimits, lesserLimit, type Lifetime, lifetime } from "./lifetime.ts";
import type { Token } from "./token.ts";
import type { TokenRole } from "./token_roles.ts";

/** Durations as sent, first parsed here; "" or absent if not set. */
export interface AskedTerms {
  readonly ttl?: string | undefined;
  readonly lease?: string | undefined;
  readonly period?: string | undefined;
  readonly explicit_max_ttl?: string | undefined;
}

export interface Terms extends Lifetime {
  /** As requested. A role's limit applies too, without being stored in the token. */
  readonly explicitMaxSeconds: number;
  readonly periodSeconds: number;
}

export interface Maker {
  readonly isSudo: boolean;
  readonly isRootToken: boolean;
  /** Also null for batch tokens, to which a role's limits do not apply. */
  readonly role: TokenRole | null;
}

/** The terms of a new token. `ttlSeconds` is 0 for a root token that never expires. */
export function readTerms(asked: AskedTerms, maker: Maker, limits: LeaseLimits): Terms {
  const explicitMaxSeconds = readPositive("explicit_max_ttl", asked.explicit_max_ttl);
  const periodSeconds = readPositive("period", asked.period);
  if (periodSeconds > 0 && !maker.isSudo) {
    throw invalidRequest("root or sudo privileges required to create periodic token");
  }
  const ttlSeconds = (asked.ttl ?? "") === ""
    ? readPositive("lease", asked.lease)
    : readPositive("ttl", asked.ttl);
  const merged = mergeRole({ explicitMaxSeconds, periodSeconds }, maker.role);
  const own = { explicitMaxSeconds, periodSeconds };
  // An explicit maximum limits even a root token without a TTL of its own.
  if (maker.isRootToken && ttlSeconds === 0 && merged.periodSeconds === 0) {
    return { ...own, ttlSeconds: merged.explicitMaxSeconds, warnings: merged.warnings };
  }
  const rules = {
    ttlSeconds,
    maxTtlSeconds: 0,
    explicitMaxTtlSeconds: merged.explicitMaxSeconds,
    periodSeconds: merged.periodSeconds,
  };
  const life = lifetime(rules, limits, 0, 0);
  return { ...own, ...life, warnings: [...merged.warnings, ...life.warnings] };
}

/**
 * How long a renewed token may live from now on. The role's current settings apply. Unlike the
 * reference, the token's own explicit maximum still holds beside the role's, as it was promised.
 * Throws `invalid_request` if no time is left.
 */
export function renewedTerms(
  token: Token,
  role: TokenRole | null,
  limits: LeaseLimits,
  incrementSeconds: number,
  nowMs: number,
): Lifetime {
  const rules = {
    ttlSeconds: token.grantedTtlSeconds,
    maxTtlSeconds: 0,
    explicitMaxTtlSeconds: lesserLimit(
      token.explicitMaxTtlSeconds,
      role?.explicitMaxTtlSeconds ?? 0,
    ),
    periodSeconds: role?.periodSeconds ?? token.periodSeconds,
  };
  const life = lifetime(rules, limits, ageSeconds(token.createdAtMs, nowMs), incrementSeconds);
  if (life.ttlSeconds === 0) throw invalidRequest("past the max TTL, cannot renew");
  return life;
}

function readPositive(name: string, text = ""): number {
  const seconds = readGoDuration(text);
  if (seconds < 0) throw invalidRequest(`${name} must be positive`);
  return seconds;
}

interface MergedTerms {
  readonly explicitMaxSeconds: number;
  readonly periodSeconds: number;
  readonly warnings: readonly string[];
}

/** The lesser of what is requested and what the role allows. */
function mergeRole(
  asked: Omit<MergedTerms, "warnings">,
  role: TokenRole | null,
): MergedTerms {
  const explicitMaxSeconds = lesserLimit(
    asked.explicitMaxSeconds,
    role?.explicitMaxTtlSeconds ?? 0,
  );
  const periodSeconds = lesserLimit(asked.periodSeconds, role?.periodSeconds ?? 0);
  const both = (what: string, own: number, ofRole = 0, lesser: number) =>
    own === 0 || ofRole === 0 ? [] : [
      `${what} specified both during creation call and in role; using the lesser value of ` +
      `${Math.floor(lesser)} seconds`,
    ];
  const warnings = [
    ...both(
      "Explicit max TTL",
      asked.explicitMaxSeconds,
      role?.explicitMaxTtlSeconds,
      explicitMaxSeconds,
    ),
    ...both("Period", asked.periodSeconds, role?.periodSeconds, periodSeconds),
  ];
  return { explicitMaxSeconds, periodSeconds, warnings };
}

/**
 * What a user or role says about the tokens of its logins, and the token that follows from it. Pure.
 * The rules of lifetime are those of Vault's `CalculateTTL` (openbao sdk/framework/lease.go).
 */

import { invalidRequest, VaultError } from "../../errors.ts";
import { parseAddresses } from "../cidr.ts";
import { formatGoDuration } from "../duration.ts";
import { ROOT_POLICY_NAME } from "../policy.ts";
import { DEFAULT_POLICY_NAME } from "../default_policy.ts";
import type { TokenTemplate, TokenType } from "../token.ts";
import { type LeaseLimits, leaseLimits } from "./lease_limits.ts";
import type { LoginMount } from "./login_mounts.ts";

/** Seconds are 0 where nothing is said. */
export interface TokenRules {
  readonly policies: readonly string[];
  readonly ttlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  readonly periodSeconds: number;
  /** 0: unlimited. */
  readonly uses: number;
  readonly noDefaultPolicy: boolean;
  /** `default`: as the mount says. */
  readonly type: "default" | TokenType;
  /** Blocks of addresses that may use the token (`cidr.ts`); empty: any. */
  readonly boundCidrs: readonly string[];
  /** Only the address that logs in may use the token. */
  readonly strictlyBindIp: boolean;
}

/** Records from before addresses could be bound do not name any. */
export type StoredRules = Omit<TokenRules, "boundCidrs" | "strictlyBindIp"> & Partial<TokenRules>;

export const NO_RULES: TokenRules = {
  policies: [],
  ttlSeconds: 0,
  maxTtlSeconds: 0,
  explicitMaxTtlSeconds: 0,
  periodSeconds: 0,
  uses: 0,
  noDefaultPolicy: false,
  type: "default",
  boundCidrs: [],
  strictlyBindIp: false,
};

/** Throws `invalid_request` in Vault's words for rules that contradict each other. */
export function checkTokenRules(rules: TokenRules): TokenRules {
  if (rules.uses < 0) throw invalidRequest("'token_num_uses' cannot be negative");
  if (rules.type === "batch") {
    const why = "'token_type' cannot be 'batch' or 'default_batch' when set to generate";
    if (rules.periodSeconds !== 0) throw invalidRequest(`${why} periodic tokens`);
    if (rules.uses !== 0) throw invalidRequest(`${why} tokens with limited use count`);
  }
  if (rules.maxTtlSeconds > 0 && rules.ttlSeconds > rules.maxTtlSeconds) {
    throw invalidRequest("'token_ttl' cannot be greater than 'token_max_ttl'");
  }
  if (rules.strictlyBindIp && rules.boundCidrs.length > 0) {
    throw invalidRequest(
      "'token_strictly_bind_ip' conflicts with 'token_bound_cidrs'; set only one",
    );
  }
  return rules;
}

/**
 * The rules for a login from this address, null for an unknown one. Throws `unauthenticated` where
 * the token would be bound to what is not known.
 */
export function rulesAt(address: string | null, rules: TokenRules): TokenRules {
  if (!rules.strictlyBindIp) return rules;
  if (address === null) throw new VaultError("unauthenticated", "permission denied");
  return { ...rules, boundCidrs: parseAddresses([address]) };
}

export interface Lifetime {
  readonly ttlSeconds: number;
  readonly warnings: readonly string[];
}

/**
 * How long a token of this age may live from now on. `incrementSeconds`: what a renewal asks for, 0
 * for nothing. 0 seconds are left to one that has reached its maximum.
 */
export function lifetime(
  rules: Pick<
    TokenRules,
    "ttlSeconds" | "maxTtlSeconds" | "explicitMaxTtlSeconds" | "periodSeconds"
  >,
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
  const warning = `${subject} of "${formatGoDuration(wanted)}" exceeded the effective max_ttl of ` +
    `"${formatGoDuration(limit)}"; ${what} value is capped accordingly`;
  return { ttlSeconds: limit, warnings: [warning] };
}

/** A login that succeeded. */
export interface Login {
  /** Below the mount, e.g. `login/ann`: every token says by which way it came. */
  readonly path: string;
  /** Joined to the mount's name; "" for none. */
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly rules: TokenRules;
}

export interface LoginToken {
  readonly template: TokenTemplate;
  readonly warnings: readonly string[];
}

/** The token of a login. Throws `invalid_request` when it would be a root token. */
export function loginToken(mount: LoginMount, login: Login, nowMs: number): LoginToken {
  const { rules } = login;
  const policies = tokenPolicies(rules);
  if (policies.includes(ROOT_POLICY_NAME)) {
    throw invalidRequest("auth methods cannot create root tokens");
  }
  const { ttlSeconds, warnings } = lifetime(rules, leaseLimits(mount), 0, 0);
  const type = tokenType(mount, rules);
  const isService = type === "service";
  const name = `${mount.path.replaceAll("/", "-")}${login.displayName}`;
  const template: TokenTemplate = {
    type,
    policies,
    path: `auth/${mount.path}${login.path}`,
    displayName: name.replace(/-$/, ""),
    meta: login.meta,
    uses: isService ? rules.uses : 0,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + ttlSeconds * 1000,
    creationTtlSeconds: ttlSeconds,
    explicitMaxTtlSeconds: rules.explicitMaxTtlSeconds,
    periodSeconds: isService ? rules.periodSeconds : 0,
    renewable: isService,
    orphan: true,
    parent: null,
    role: null,
    boundCidrs: rules.boundCidrs,
  };
  return { template, warnings };
}

/** Sorted, lower case, with `default` unless it is refused. */
export function tokenPolicies({ policies, noDefaultPolicy }: TokenRules): readonly string[] {
  const names = policies.map((name) => name.trim().toLowerCase()).filter((name) => name !== "");
  return [...new Set(noDefaultPolicy ? names : [...names, DEFAULT_POLICY_NAME])].sort();
}

function tokenType({ config }: LoginMount, { type }: TokenRules): TokenType {
  switch (config.tokenType) {
    case "service":
    case "batch":
      return config.tokenType;
    case "default-service":
      return type === "default" ? "service" : type;
    case "default-batch":
      return type === "default" ? "batch" : type;
  }
}

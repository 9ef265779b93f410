/** The token rules of a user or role, and the token that a login gets from them. Pure. */

import { invalidRequest, VaultError } from "../../errors.ts";
import { parseAddresses } from "../cidr.ts";
import { lifetime } from "./lifetime.ts";
import { RESPONSE_WRAPPING_POLICY_NAME, ROOT_POLICY_NAME } from "../policies/policy_names.ts";
import type { TokenTemplate, TokenType } from "./token.ts";
import { cleanPolicies } from "./token_policies.ts";
import type { LoginAlias } from "../identity/entity.ts";
import { leaseLimits } from "./lease_limits.ts";
import type { AuthMount } from "../auth_mount.ts";

/** Token rules of a user or role. Seconds are 0 if not set. */
export interface TokenRules {
  readonly policies: readonly string[];
  readonly ttlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  readonly periodSeconds: number;
  /** 0: unlimited. */
  readonly uses: number;
  readonly noDefaultPolicy: boolean;
  /** `default`: the mount's type. */
  readonly type: "default" | TokenType;
  /** Blocks of addresses that may use the token (`cidr.ts`). Empty: any. */
  readonly boundCidrs: readonly string[];
  /** Whether only the address that logs in may use the token. */
  readonly strictlyBindIp: boolean;
  /** Fields set under their legacy names, under which they are shown too. */
  readonly legacyNames: readonly LegacyName[];
}

export const LEGACY_NAMES = ["bound_cidrs", "max_ttl", "period", "policies", "ttl"] as const;
export type LegacyName = typeof LEGACY_NAMES[number];

/** The rules as stored. Older records lack later fields, and call `legacyNames` `elderNames`. */
export type StoredRules =
  & Omit<TokenRules, "boundCidrs" | "strictlyBindIp" | "legacyNames">
  & Partial<TokenRules>
  & { readonly elderNames?: readonly LegacyName[] };

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
  legacyNames: [],
};

export function readRules({ elderNames = [], ...stored }: StoredRules): TokenRules {
  return { ...NO_RULES, legacyNames: elderNames, ...stored };
}

/** Returns `rules`. Throws `invalid_request` in Vault's words if they contradict each other. */
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
 * The rules for a login from this address, null if unknown. Throws `unauthenticated` if the token
 * would have to be bound to an unknown address.
 */
export function rulesAt(address: string | null, rules: TokenRules): TokenRules {
  if (!rules.strictlyBindIp) return rules;
  if (address === null) throw new VaultError("unauthenticated", "permission denied");
  return { ...rules, boundCidrs: parseAddresses([address]) };
}

/** A successful login. */
export interface Login {
  /** The path below the mount, e.g. `login/ann`. The token records it. */
  readonly path: string;
  /** Appended to the mount's name; "" if there is none. */
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly alias: LoginAlias;
  readonly rules: TokenRules;
}

/**
 * `refused`: the password or secret id was wrong, which counts against the alias. `alias` is null
 * if it does not exist, which the caller must not see. `why` is for the caller.
 */
export type LoginOutcome =
  | { readonly kind: "granted"; readonly login: Login }
  | { readonly kind: "refused"; readonly alias: string | null; readonly why: string };

export interface LoginToken {
  readonly template: TokenTemplate;
  readonly warnings: readonly string[];
}

/** The token of a login. Throws `invalid_request` for a policy that no login may grant. */
export function loginToken(mount: AuthMount, login: Login, nowMs: number): LoginToken {
  const { rules } = login;
  const policies = tokenPolicies(rules);
  if (policies.includes(ROOT_POLICY_NAME)) {
    throw invalidRequest("auth methods cannot create root tokens");
  }
  if (policies.includes(RESPONSE_WRAPPING_POLICY_NAME)) {
    throw invalidRequest(`cannot assign policy "${RESPONSE_WRAPPING_POLICY_NAME}"`);
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
    explicitMaxTtlSeconds: isService ? rules.explicitMaxTtlSeconds : 0,
    periodSeconds: isService ? rules.periodSeconds : 0,
    renewable: isService,
    orphan: true,
    parent: null,
    role: null,
    boundCidrs: rules.boundCidrs,
  };
  return { template, warnings };
}

/** The cleaned policies, with `default` unless it is refused. */
export function tokenPolicies({ policies, noDefaultPolicy }: TokenRules): readonly string[] {
  return cleanPolicies(policies, !noDefaultPolicy);
}

function tokenType({ config }: AuthMount, { type }: TokenRules): TokenType {
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

/** The `token_…` fields of users and roles, and their legacy names. */

import { parseAddresses } from "../access/cidr.ts";
import {
  checkTokenRules,
  LEGACY_NAMES,
  type LegacyName,
  type TokenRules,
} from "../access/tokens/login_token.ts";
import { cleanPolicies } from "../access/tokens/token_policies.ts";
import { boolean, duration, integer, type Sent, text, textList } from "../wire/fields.ts";
import { invalidRequest } from "../errors.ts";
import type { JsonObject } from "../wire/json_value.ts";

export const TOKEN_RULE_FIELDS = {
  token_bound_cidrs: textList("addresses and blocks of them that may use the token"),
  token_explicit_max_ttl: duration("age at which the token ends, whatever else is said later"),
  token_max_ttl: duration("age beyond which the token is not renewed"),
  token_no_default_policy: boolean("leave the policy `default` out"),
  token_num_uses: integer("requests that the token is good for; 0 for no such limit"),
  token_period: duration("renew the token for this long, as often as asked"),
  token_policies: textList("policies of the token"),
  token_strictly_bind_ip: boolean("only the address that logs in may use the token"),
  token_ttl: duration("how long the token lives without a renewal"),
  token_type: text("service, batch, or default: as the mount says"),
};

/** If both names are sent, the newer one counts. */
export const POLICIES_FIELDS = {
  token_policies: TOKEN_RULE_FIELDS.token_policies,
  policies: textList("older name of token_policies"),
};

/** Every legacy name; each method has some of them. */
export interface LegacyRules {
  readonly policies?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
  readonly max_ttl?: number | undefined;
  readonly period?: number | undefined;
  readonly bound_cidrs?: readonly string[] | undefined;
}

type SentRules = Sent<typeof TOKEN_RULE_FIELDS>;

/**
 * Applies the fields sent to existing rules. Throws `invalid_request` for impossible rules. As in
 * the reference, values under legacy names are not checked: every login caps them.
 */
export function mergeTokenRules(sent: SentRules & LegacyRules, old: TokenRules): TokenRules {
  const bounds = sent.token_bound_cidrs;
  const rules = checkTokenRules({
    policies: sent.token_policies ?? old.policies,
    ttlSeconds: sent.token_ttl ?? old.ttlSeconds,
    maxTtlSeconds: sent.token_max_ttl ?? old.maxTtlSeconds,
    explicitMaxTtlSeconds: sent.token_explicit_max_ttl ?? old.explicitMaxTtlSeconds,
    periodSeconds: sent.token_period ?? old.periodSeconds,
    uses: sent.token_num_uses ?? old.uses,
    noDefaultPolicy: sent.token_no_default_policy ?? old.noDefaultPolicy,
    type: parseType(sent.token_type) ?? old.type,
    boundCidrs: bounds === undefined ? old.boundCidrs : parseAddresses(bounds),
    strictlyBindIp: sent.token_strictly_bind_ip ?? old.strictlyBindIp,
    legacyNames: legacyNames(sent, old.legacyNames),
  });
  return { ...rules, ...legacyRules(sent) };
}

/** The fields whose current value came under a legacy name. */
export function legacyNames(
  sent: SentRules & LegacyRules,
  old: readonly LegacyName[],
): readonly LegacyName[] {
  return LEGACY_NAMES.filter((name) => {
    const wasSent = sent[name] !== undefined;
    return wasSent || (sent[`token_${name}`] === undefined && old.includes(name));
  });
}

/** The fields sent under a legacy name only. */
function legacyRules(sent: SentRules & LegacyRules): Partial<TokenRules> {
  const { policies, ttl, max_ttl: maxTtl, period, bound_cidrs: bounds } = sent;
  const counts = (name: LegacyName) => sent[`token_${name}`] === undefined;
  return {
    ...(policies !== undefined && counts("policies") ? { policies: cleanPolicies(policies) } : {}),
    ...(ttl !== undefined && counts("ttl") ? { ttlSeconds: ttl } : {}),
    ...(maxTtl !== undefined && counts("max_ttl") ? { maxTtlSeconds: maxTtl } : {}),
    ...(period !== undefined && counts("period") ? { periodSeconds: period } : {}),
    ...(bounds !== undefined && counts("bound_cidrs")
      ? { boundCidrs: parseAddresses(bounds) }
      : {}),
  };
}

/** A field set under a legacy name is shown under both names. */
export function describeTokenRules(rules: TokenRules): JsonObject {
  const shown = {
    token_bound_cidrs: rules.boundCidrs,
    token_explicit_max_ttl: rules.explicitMaxTtlSeconds,
    token_max_ttl: rules.maxTtlSeconds,
    token_no_default_policy: rules.noDefaultPolicy,
    token_num_uses: rules.uses,
    token_period: rules.periodSeconds,
    token_policies: rules.policies,
    token_strictly_bind_ip: rules.strictlyBindIp,
    token_ttl: rules.ttlSeconds,
    token_type: rules.type,
  };
  const legacy = rules.legacyNames.map((name) => [name, shown[`token_${name}`]] as const);
  const isSet = (value: number | readonly string[]) =>
    typeof value === "number" ? value !== 0 : value.length > 0;
  return { ...Object.fromEntries(legacy.filter(([, value]) => isSet(value))), ...shown };
}

function parseType(type: string | undefined): TokenRules["type"] | undefined {
  switch (type) {
    case undefined:
      return undefined;
    case "":
    case "default":
      return "default";
    case "service":
    case "batch":
      return type;
    default:
      throw invalidRequest(`invalid 'token_type' value ${JSON.stringify(type)}`);
  }
}

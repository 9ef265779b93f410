/** The `token_…` fields of users and roles, and their older names. */

import { parseAddresses } from "../access/cidr.ts";
import { checkTokenRules, type TokenRules } from "../access/logins/token_rules.ts";
import { boolean, duration, integer, type Sent, text, textList } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import type { JsonObject } from "./replies.ts";

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

/** Where both names are sent, the newer one counts. */
export const POLICIES_FIELDS = {
  token_policies: TOKEN_RULE_FIELDS.token_policies,
  policies: textList("older name of token_policies"),
};

/** All older names there are; each method has some of them. */
export interface ElderRules {
  readonly policies?: readonly string[] | undefined;
  readonly ttl?: number | undefined;
  readonly max_ttl?: number | undefined;
  readonly period?: number | undefined;
  readonly bound_cidrs?: readonly string[] | undefined;
}

/** What was sent over what is there. Throws `invalid_request` for rules that could not hold. */
export function mergeTokenRules(
  sent: Sent<typeof TOKEN_RULE_FIELDS> & ElderRules,
  old: TokenRules,
): TokenRules {
  const bounds = sent.token_bound_cidrs ?? sent.bound_cidrs;
  return checkTokenRules({
    policies: sent.token_policies ?? sent.policies ?? old.policies,
    ttlSeconds: sent.token_ttl ?? sent.ttl ?? old.ttlSeconds,
    maxTtlSeconds: sent.token_max_ttl ?? sent.max_ttl ?? old.maxTtlSeconds,
    explicitMaxTtlSeconds: sent.token_explicit_max_ttl ?? old.explicitMaxTtlSeconds,
    periodSeconds: sent.token_period ?? sent.period ?? old.periodSeconds,
    uses: sent.token_num_uses ?? old.uses,
    noDefaultPolicy: sent.token_no_default_policy ?? old.noDefaultPolicy,
    type: parseType(sent.token_type) ?? old.type,
    boundCidrs: bounds === undefined ? old.boundCidrs : parseAddresses(bounds),
    strictlyBindIp: sent.token_strictly_bind_ip ?? old.strictlyBindIp,
  });
}

export function describeTokenRules(rules: TokenRules): JsonObject {
  return {
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
}

function parseType(type: string | undefined): TokenRules["type"] | undefined {
  switch (type) {
    case undefined:
      return undefined;
    case "":
    case "default":
      return "default";
    case "service":
    case "default-service":
      return "service";
    case "batch":
    case "default-batch":
      return "batch";
    default:
      throw invalidRequest(`invalid 'token_type' value ${JSON.stringify(type)}`);
  }
}

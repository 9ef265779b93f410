/** The `token_…` fields of users and roles, and their older names. */

import { checkTokenRules, type TokenRules } from "../access/logins/token_rules.ts";
import {
  type Fields,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readText,
  readTextList,
} from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import type { JsonObject } from "./replies.ts";

/** Reads what was sent over what is there; where both names are sent, the newer one counts. */
export function mergeTokenRules(fields: Fields, old: TokenRules): TokenRules {
  refuseUnsupported(fields);
  const seconds = (name: string, elder: string): number | undefined =>
    readDurationSeconds(fields, name) ?? readDurationSeconds(fields, elder);
  return checkTokenRules({
    policies: readPolicies(fields) ?? old.policies,
    ttlSeconds: seconds("token_ttl", "ttl") ?? old.ttlSeconds,
    maxTtlSeconds: seconds("token_max_ttl", "max_ttl") ?? old.maxTtlSeconds,
    explicitMaxTtlSeconds: readDurationSeconds(fields, "token_explicit_max_ttl") ??
      old.explicitMaxTtlSeconds,
    periodSeconds: seconds("token_period", "period") ?? old.periodSeconds,
    uses: readInteger(fields, "token_num_uses") ?? old.uses,
    noDefaultPolicy: readBoolean(fields, "token_no_default_policy") ?? old.noDefaultPolicy,
    type: readType(fields) ?? old.type,
  });
}

export function readPolicies(fields: Fields): readonly string[] | undefined {
  return readTextList(fields, "token_policies") ?? readTextList(fields, "policies");
}

export function describeTokenRules(rules: TokenRules): JsonObject {
  return {
    token_bound_cidrs: [],
    token_explicit_max_ttl: rules.explicitMaxTtlSeconds,
    token_max_ttl: rules.maxTtlSeconds,
    token_no_default_policy: rules.noDefaultPolicy,
    token_num_uses: rules.uses,
    token_period: rules.periodSeconds,
    token_policies: rules.policies,
    token_strictly_bind_ip: false,
    token_ttl: rules.ttlSeconds,
    token_type: rules.type,
  };
}

function readType(fields: Fields): TokenRules["type"] | undefined {
  const type = readText(fields, "token_type");
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

/** Limits that would silently not hold must not be accepted. */
function refuseUnsupported(fields: Fields): void {
  refuseAddresses(fields, ["token_bound_cidrs", "bound_cidrs"]);
  if (readBoolean(fields, "token_strictly_bind_ip") === true) {
    throw invalidRequest("token_strictly_bind_ip is not supported");
  }
}

export function refuseAddresses(fields: Fields, names: readonly string[]): void {
  for (const name of names) {
    if ((readTextList(fields, name) ?? []).length > 0) {
      throw invalidRequest(`${name} is not supported: logins are not bound to addresses`);
    }
  }
}

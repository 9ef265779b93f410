/** The fields of a token role, and the role that results from a write. Pure. */

import { parseAddresses } from "../../access/cidr.ts";
import type { LeaseLimits } from "../../access/tokens/lifetime.ts";
import { cleanNames, cleanPolicies } from "../../access/tokens/token_policies.ts";
import type { LegacyLimits, RoleTokenType, TokenRole } from "../../access/tokens/token_roles.ts";
import { boolean, duration, integer, type Sent, text, textList } from "../../wire/fields.ts";
import { invalidRequest } from "../../errors.ts";
import { TOKEN_RULE_FIELDS } from "../../methods/token_rule_fields.ts";
import type { JsonObject } from "../../wire/json_value.ts";

export const ROLE_FIELDS = {
  allowed_entity_aliases: textList("entities that tokens may be for; `*` stands for any text"),
  allowed_policies: textList("policies that tokens may have; empty: those of who creates them"),
  allowed_policies_glob: textList("patterns of policies that tokens may have"),
  bound_cidrs: textList("older name of token_bound_cidrs"),
  disallowed_policies: textList("policies that no token may have"),
  disallowed_policies_glob: textList("patterns of policies that no token may have"),
  explicit_max_ttl: duration("older name of token_explicit_max_ttl"),
  orphan: boolean("whether tokens have no parent"),
  path_suffix: text("appended to the path that tokens say they were created at"),
  period: duration("older name of token_period"),
  renewable: boolean("whether tokens can be renewed"),
  token_bound_cidrs: TOKEN_RULE_FIELDS.token_bound_cidrs,
  token_explicit_max_ttl: TOKEN_RULE_FIELDS.token_explicit_max_ttl,
  token_no_default_policy: TOKEN_RULE_FIELDS.token_no_default_policy,
  token_num_uses: integer("requests that a token is good for; 0: as its creator says"),
  token_period: TOKEN_RULE_FIELDS.token_period,
  token_type: text("service, batch, default-service or default-batch"),
};

type Wanted = Sent<typeof ROLE_FIELDS>;

const TYPES: readonly string[] = ["default-service", "default-batch", "service", "batch"];
/** Anywhere in the suffix, as in the reference, which only wants something like a name. */
const SUFFIX = /\w[\w.-]+\w/;

/** A role's defaults. */
function newRole(name: string): TokenRole {
  return {
    name,
    allowedPolicies: [],
    disallowedPolicies: [],
    allowedPolicyGlobs: [],
    disallowedPolicyGlobs: [],
    allowedEntityAliases: null,
    orphan: false,
    renewable: true,
    pathSuffix: "",
    periodSeconds: 0,
    explicitMaxTtlSeconds: 0,
    uses: 0,
    noDefaultPolicy: false,
    tokenType: "default-service",
    boundCidrs: [],
    legacy: { periodSeconds: 0, explicitMaxTtlSeconds: 0, boundCidrs: [] },
  };
}

/**
 * Merges the fields sent into the stored role. `data` holds them unread. Throws `invalid_request`
 * in the reference's words and order.
 */
export function mergeRole(
  name: string,
  sent: Wanted,
  data: JsonObject,
  stored: TokenRole | null,
): TokenRole {
  const old = stored ?? newRole(name);
  const pathSuffix = readSuffix(sent.path_suffix) ?? old.pathSuffix;
  if (data["token_type"] === null) throw invalidRequest("Invalid 'token_type' value: null");
  const newBounds = parseBounds(sent.token_bound_cidrs, "role fields");
  const uses = sent.token_num_uses ?? old.uses;
  const tokenPeriod = sent.token_period ?? old.periodSeconds;
  // A type sent in the same request is checked by the stricter rules below instead.
  refuseUses(uses, tokenPeriod, sent.token_type === undefined ? old.tokenType : null);
  const tokenType = parseType(sent.token_type) ?? old.tokenType;
  const legacyBounds = sent.token_bound_cidrs === undefined
    ? parseBounds(sent.bound_cidrs, "bound_cidrs")
    : undefined;
  const role: TokenRole = {
    name,
    allowedPolicies: cleaned(sent.allowed_policies, cleanPolicies) ?? old.allowedPolicies,
    disallowedPolicies: cleaned(sent.disallowed_policies, cleanNames) ?? old.disallowedPolicies,
    allowedPolicyGlobs: cleaned(sent.allowed_policies_glob, cleanPolicies) ??
      old.allowedPolicyGlobs,
    disallowedPolicyGlobs: cleaned(sent.disallowed_policies_glob, cleanNames) ??
      old.disallowedPolicyGlobs,
    allowedEntityAliases: cleaned(sent.allowed_entity_aliases, cleanNames) ??
      old.allowedEntityAliases,
    orphan: sent.orphan ?? old.orphan,
    renewable: sent.renewable ?? old.renewable,
    pathSuffix,
    periodSeconds: sent.token_period ?? sent.period ?? old.periodSeconds,
    explicitMaxTtlSeconds: sent.token_explicit_max_ttl ?? sent.explicit_max_ttl ??
      old.explicitMaxTtlSeconds,
    uses,
    noDefaultPolicy: sent.token_no_default_policy ?? old.noDefaultPolicy,
    tokenType,
    boundCidrs: newBounds ?? legacyBounds ?? old.boundCidrs,
    legacy: mergeLegacy(sent, legacyBounds, old.legacy),
  };
  refuseUnsuitedBatch(role);
  return role;
}

/** Warnings about a role that is written nevertheless. */
export function roleWarnings(
  sent: Wanted,
  role: TokenRole,
  { maxSeconds }: LeaseLimits,
): readonly string[] {
  const names = ["period", "bound_cidrs", "explicit_max_ttl"] as const;
  const warnings = names
    .filter((name) => sent[name] !== undefined && sent[`token_${name}`] !== undefined)
    .map((name) =>
      `Both 'token_${name}' and deprecated '${name}' value supplied, ignoring the deprecated value`
    );
  const explicitMax = sent.token_explicit_max_ttl ?? role.legacy.explicitMaxTtlSeconds;
  if (explicitMax <= maxSeconds) return warnings;
  return [
    ...warnings,
    `Given explicit max TTL of ${explicitMax} is greater than system/mount allowed value of ` +
    `${maxSeconds} seconds; until this is fixed attempting to create tokens against this role ` +
    "will result in an error",
  ];
}

/** The newer name wins, and clears the value set by the older one. */
function mergeLegacy(
  sent: Wanted,
  legacyBounds: readonly string[] | undefined,
  old: LegacyLimits,
): LegacyLimits {
  return {
    periodSeconds: sent.token_period === undefined ? sent.period ?? old.periodSeconds : 0,
    explicitMaxTtlSeconds: sent.token_explicit_max_ttl === undefined
      ? sent.explicit_max_ttl ?? old.explicitMaxTtlSeconds
      : 0,
    boundCidrs: sent.token_bound_cidrs === undefined ? legacyBounds ?? old.boundCidrs : [],
  };
}

function cleaned(
  sent: readonly string[] | undefined,
  clean: (names: readonly string[]) => readonly string[],
): readonly string[] | undefined {
  return sent === undefined ? undefined : clean(sent);
}

function readSuffix(sent: string | undefined): string | undefined {
  if (sent === undefined || sent === "") return sent;
  if (!SUFFIX.test(sent)) {
    throw invalidRequest(
      "given role path suffix contains invalid characters; must match \\w[\\w-.]+\\w",
    );
  }
  if (sent.includes("..")) {
    throw invalidRequest("error registering path suffix: path cannot contain parent references");
  }
  return sent;
}

function refuseUses(uses: number, periodSeconds: number, type: RoleTokenType | null): void {
  const refuse = (why: string) => {
    throw invalidRequest(`error parsing role fields: ${why}`);
  };
  if (uses < 0) refuse("'token_num_uses' cannot be negative");
  if (type !== "batch" && type !== "default-batch") return;
  const why = "'token_type' cannot be 'batch' or 'default_batch' when set to generate";
  if (periodSeconds !== 0) refuse(`${why} periodic tokens`);
  if (uses !== 0) refuse(`${why} tokens with limited use count`);
}

function refuseUnsuitedBatch(role: TokenRole): void {
  if (role.tokenType !== "batch") return;
  const unsuited = !role.orphan
    ? "non-orphan tokens"
    : role.periodSeconds !== 0
    ? "periodic tokens"
    : role.renewable
    ? "renewable tokens"
    : role.explicitMaxTtlSeconds !== 0
    ? "tokens with an explicit max TTL"
    : null;
  if (unsuited === null) return;
  throw invalidRequest(`'token_type' cannot be 'batch' when role is set to generate ${unsuited}`);
}

function parseType(type: string | undefined): RoleTokenType | undefined {
  if (type === undefined) return undefined;
  if (!TYPES.includes(type)) {
    throw invalidRequest(`invalid 'token_type' value ${JSON.stringify(type)}`);
  }
  return type as RoleTokenType;
}

function parseBounds(
  sent: readonly string[] | undefined,
  where: string,
): readonly string[] | undefined {
  return sent === undefined ? undefined : parseAddresses(sent, `error parsing ${where}: `);
}

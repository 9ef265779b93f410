/** `/auth/token/roles/*`. */

import { parseAddresses } from "../access/cidr.ts";
import type { RoleTokenType, TokenRole } from "../access/token_roles.ts";
import { boolean, duration, integer, type Sent, text, textList } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { TOKEN_RULE_FIELDS } from "./auth_token_rules.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";

const DONE: LogicalReply = { kind: "done" };
const TYPES: readonly string[] = ["default-service", "default-batch", "service", "batch"];

const ROLE_FIELDS = {
  allowed_entity_aliases: textList("ignored: there are no entities"),
  allowed_policies: textList("policies that tokens may have; empty: those of who creates them"),
  allowed_policies_glob: textList("refused: policies are named in full"),
  bound_cidrs: textList("older name of token_bound_cidrs"),
  disallowed_policies: textList("policies that no token may have"),
  disallowed_policies_glob: textList("refused: policies are named in full"),
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

export const TOKEN_ROLE_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("auth/token/roles", {
    list: logicalOperation({ summary: "List the token roles" }, list),
  }),
  logicalEndpoint("auth/token/roles/{role_name}", {
    read: logicalOperation({ summary: "Show a token role" }, read),
    update: logicalOperation(
      { summary: "Create or change a token role", fields: ROLE_FIELDS },
      write,
    ),
    delete: logicalOperation({ summary: "Delete a token role" }, remove),
  }),
];

async function list({ open }: LogicalCall): Promise<LogicalReply> {
  const keys = await open.tokenRoles.list();
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function read({ open, parameter }: EndpointCall): Promise<LogicalReply> {
  const role = await open.tokenRoles.read(parameter("role_name"));
  if (role === null) return { kind: "missing" };
  return {
    kind: "data",
    data: {
      allowed_entity_aliases: null,
      allowed_policies: role.allowedPolicies,
      allowed_policies_glob: [],
      disallowed_policies: role.disallowedPolicies,
      disallowed_policies_glob: [],
      explicit_max_ttl: role.explicitMaxTtlSeconds,
      name: role.name,
      orphan: role.orphan,
      path_suffix: role.pathSuffix,
      period: role.periodSeconds,
      renewable: role.renewable,
      token_bound_cidrs: role.boundCidrs,
      token_explicit_max_ttl: role.explicitMaxTtlSeconds,
      token_no_default_policy: role.noDefaultPolicy,
      token_num_uses: role.uses,
      token_period: role.periodSeconds,
      token_type: role.tokenType,
    },
  };
}

async function write(
  { open, parameter }: EndpointCall,
  sent: Sent<typeof ROLE_FIELDS>,
): Promise<LogicalReply> {
  const name = parameter("role_name");
  refuseGlobs(sent);
  const old = await open.tokenRoles.read(name);
  await open.tokenRoles.write(mergeRole(name, sent, old));
  return DONE;
}

async function remove({ open, parameter }: EndpointCall): Promise<LogicalReply> {
  await open.tokenRoles.remove(parameter("role_name"));
  return DONE;
}

/** Fields not sent keep their value. */
function mergeRole(
  name: string,
  sent: Sent<typeof ROLE_FIELDS>,
  old: TokenRole | null,
): TokenRole {
  return {
    name,
    allowedPolicies: lowered(sent.allowed_policies) ?? old?.allowedPolicies ?? [],
    disallowedPolicies: lowered(sent.disallowed_policies) ?? old?.disallowedPolicies ?? [],
    orphan: sent.orphan ?? old?.orphan ?? false,
    renewable: sent.renewable ?? old?.renewable ?? true,
    pathSuffix: sent.path_suffix ?? old?.pathSuffix ?? "",
    periodSeconds: sent.token_period ?? sent.period ?? old?.periodSeconds ?? 0,
    explicitMaxTtlSeconds: sent.token_explicit_max_ttl ?? sent.explicit_max_ttl ??
      old?.explicitMaxTtlSeconds ?? 0,
    uses: sent.token_num_uses ?? old?.uses ?? 0,
    noDefaultPolicy: sent.token_no_default_policy ?? old?.noDefaultPolicy ?? false,
    tokenType: parseType(sent.token_type) ?? old?.tokenType ?? "default-service",
    boundCidrs: parseBounds(sent) ?? old?.boundCidrs ?? [],
  };
}

function lowered(policies: readonly string[] | undefined): readonly string[] | undefined {
  return policies?.map((policy) => policy.toLowerCase());
}

function parseType(type: string | undefined): RoleTokenType | undefined {
  if (type === undefined || type === "") return undefined;
  if (!TYPES.includes(type)) throw invalidRequest("invalid 'token_type' value");
  return type as RoleTokenType;
}

/** Where both names are sent, the newer one counts. */
function parseBounds(
  { token_bound_cidrs: bounds, bound_cidrs: elder }: Sent<typeof ROLE_FIELDS>,
): readonly string[] | undefined {
  const sent = bounds ?? elder;
  if (sent === undefined) return undefined;
  try {
    return parseAddresses(sent);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const where = bounds === undefined ? "bound_cidrs" : "role fields";
    throw invalidRequest(`error parsing ${where}: ${error.message}`);
  }
}

/** Limits that would silently not hold must not be accepted. */
function refuseGlobs(sent: Sent<typeof ROLE_FIELDS>): void {
  for (const field of ["allowed_policies_glob", "disallowed_policies_glob"] as const) {
    if ((sent[field] ?? []).length > 0) throw invalidRequest(`${field} is not supported`);
  }
}

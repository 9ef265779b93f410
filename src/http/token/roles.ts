/** `/auth/token/roles/*`. */

import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import type { TokenRole } from "../../access/tokens/token_roles.ts";
import type { Sent } from "../../wire/fields.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../request/logical.ts";
import { mergeRole, ROLE_FIELDS, roleWarnings } from "./role_fields.ts";

const WRITE = logicalOperation(
  { summary: "Create or change a token role", fields: ROLE_FIELDS, answers: ["nothing", "data"] },
  write,
);

export const TOKEN_ROLE_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("auth/token/roles", {
    list: logicalOperation({ summary: "List the token roles" }, list),
  }),
  logicalEndpoint("auth/token/roles/{role_name}", {
    read: logicalOperation({ summary: "Show a token role" }, read),
    // The existence check reads the fields first, and its refusals have no prefix.
    update: { ...WRITE, serve: (request, data) => WRITE.serve(request, data, "") },
    delete: logicalOperation({ summary: "Delete a token role" }, remove),
  }, {
    exists: async ({ tokenRoles }, parameter) =>
      await tokenRoles.read(parameter("role_name")) !== null,
  }),
];

async function list({ unsealed }: LogicalCall): Promise<LogicalReply> {
  const keys = await unsealed.tokenRoles.list();
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function read({ unsealed, parameter }: EndpointCall): Promise<LogicalReply> {
  const role = await unsealed.tokenRoles.read(parameter("role_name"));
  return role === null ? { kind: "missing" } : describe(role);
}

function describe(role: TokenRole): LogicalReply {
  const { legacy } = role;
  return {
    kind: "data",
    data: {
      allowed_entity_aliases: role.allowedEntityAliases,
      allowed_policies: role.allowedPolicies,
      allowed_policies_glob: role.allowedPolicyGlobs,
      ...(legacy.boundCidrs.length === 0 ? {} : { bound_cidrs: legacy.boundCidrs }),
      disallowed_policies: role.disallowedPolicies,
      disallowed_policies_glob: role.disallowedPolicyGlobs,
      explicit_max_ttl: legacy.explicitMaxTtlSeconds,
      name: role.name,
      orphan: role.orphan,
      path_suffix: role.pathSuffix,
      period: legacy.periodSeconds,
      renewable: role.renewable,
      ...(role.boundCidrs.length === 0 ? {} : { token_bound_cidrs: role.boundCidrs }),
      token_explicit_max_ttl: role.explicitMaxTtlSeconds,
      token_no_default_policy: role.noDefaultPolicy,
      ...(role.uses === 0 ? {} : { token_num_uses: role.uses }),
      token_period: role.periodSeconds,
      token_type: role.tokenType,
    },
  };
}

async function write(
  { unsealed, parameter, data }: EndpointCall,
  sent: Sent<typeof ROLE_FIELDS>,
): Promise<LogicalReply> {
  const name = parameter("role_name");
  const role = mergeRole(name, sent, data, await unsealed.tokenRoles.read(name));
  await unsealed.tokenRoles.write(role);
  const warnings = roleWarnings(sent, role, leaseLimits(unsealed.logins.token));
  return warnings.length === 0 ? DONE : { kind: "data", data: null, warnings };
}

async function remove({ unsealed, parameter }: EndpointCall): Promise<LogicalReply> {
  await unsealed.tokenRoles.remove(parameter("role_name"));
  return DONE;
}

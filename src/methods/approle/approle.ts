/** `auth/<mount>/…` of approle: roles and logins. */

import * as v from "valibot";
import { checkCidrs } from "../../access/cidr.ts";
import { AppRole, type Role, type RoleSettings } from "./roles.ts";
import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import { boolean, readFields, type Sent, text } from "../../wire/fields.ts";
import { LIST_FIELDS } from "../../wire/paging.ts";
import { operation } from "../../wire/served_path.ts";
import { invalidRequest } from "../../errors.ts";
import { listedMistake, listingMistakes } from "../../wire/multi_error.ts";
import {
  type AppRoleCall,
  type AppRoleParts,
  changeRole,
  checkUses,
  PERIOD_FIELDS,
  refuseLongPeriod,
  ROLE_FIELD_PATHS,
  ROLE_FIELDS,
} from "./role_fields.ts";
import { SECRET_ID_PATHS } from "./secret_id_paths.ts";
import {
  describeTokenRules,
  mergeTokenRules,
  POLICIES_FIELDS,
  TOKEN_RULE_FIELDS,
} from "../token_rule_fields.ts";
import {
  createMethod,
  DONE,
  listNames,
  type MethodPath,
  methodPath,
  type MethodReply,
  MISSING,
  type OpenMethod,
} from "../method.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import { removeExpired } from "../expiry.ts";
import { EXPIRY_BATCH_SECRET_IDS } from "../../limits.ts";

const LOGIN_FIELDS = {
  role_id: text("the id of the role"),
  secret_id: text("one of its secret ids; not needed where bind_secret_id is false"),
};

const ROLE_ID_FIELDS = { role_id: text("the id of the role, of the caller's choice") };

const WRITE_FIELDS = {
  ...ROLE_FIELDS,
  ...ROLE_ID_FIELDS,
  ...TOKEN_RULE_FIELDS,
  ...POLICIES_FIELDS,
  ...PERIOD_FIELDS,
  local_secret_ids: boolean("shown as it is set; every secret id is local. Set once, at creation"),
};

const TTL_TOO_LONG =
  "token_max_ttl is greater than the backend mount's maximum TTL value; issued " +
  "tokens' max TTL value will be truncated";

const WRITE_ROLE = operation(
  { summary: "Create or change a role", fields: WRITE_FIELDS },
  writeRole,
);

export const APPROLE_PATHS: readonly MethodPath<AppRoleParts>[] = [
  methodPath("login", {
    update: operation(
      {
        summary: "Log in with role id and secret id",
        fields: LOGIN_FIELDS,
        needs: ["role_id"],
        answers: ["auth"],
      },
      login,
    ),
  }, { loginAlias: aliasOf }),
  methodPath("role", {
    list: operation(
      { summary: "List the roles", fields: LIST_FIELDS },
      async ({ roles }: AppRoleCall, sent) => listNames(await roles.list(), sent),
    ),
  }),
  methodPath("role/{role_name}", {
    read: operation({ summary: "Show a role" }, readRole),
    create: WRITE_ROLE,
    update: WRITE_ROLE,
    delete: operation(
      { summary: "Delete a role and its secret ids" },
      async ({ roles, parameter }: AppRoleCall) => {
        await roles.remove(parameter("role_name"));
        return DONE;
      },
    ),
  }, {
    overwrites: async ({ roles }, parameter) => await roles.read(parameter("role_name")) !== null,
  }),
  methodPath("role/{role_name}/role-id", {
    read: operation({ summary: "Show the id of a role" }, readRoleId),
    update: operation({ summary: "Give a role another id", fields: ROLE_ID_FIELDS }, writeRoleId),
  }),
  methodPath("role/{role_name}/local-secret-ids", {
    read: operation({ summary: "Show whether secret ids are local" }, readLocality),
  }),
  ...ROLE_FIELD_PATHS,
  ...SECRET_ID_PATHS,
  methodPath("tidy/secret-id", {
    update: operation(
      { summary: "Clear secret ids whose time is over", answers: ["accepted"] },
      tidy,
    ),
  }),
];

export const openAppRole: OpenMethod = (ports) => (mountUuid, records) => {
  const roles = new AppRole(records, ports, mountUuid);
  return createMethod({
    paths: APPROLE_PATHS,
    own: {
      roles,
      tidy: () => removeExpired(ports.barrier, ports.nowMs(), EXPIRY_BATCH_SECRET_IDS),
    },
    renewalRules: async ({ meta }) => {
      const name = meta?.["role_name"] ?? "";
      const role = await roles.read(name);
      if (role !== null) return role.rules;
      const quoted = JSON.stringify(name);
      throw listedMistake(`failed to renew entry: role ${quoted} does not exist during renewal`);
    },
  });
};

const LOGIN_SCHEMA = v.object(LOGIN_FIELDS);

/** The id of the role that logs in, for any operation. */
function aliasOf({ data }: AppRoleCall): string {
  const roleId = roleIdOf(readFields(LOGIN_SCHEMA, data));
  if (roleId === "") throw invalidRequest("missing role_id");
  return roleId;
}

async function login(
  { roles, client }: AppRoleCall,
  sent: Sent<typeof LOGIN_FIELDS>,
): Promise<MethodReply> {
  const secretId = (sent.secret_id ?? "").trim();
  const outcome = await roles.login(roleIdOf(sent), secretId, client.address);
  return { kind: "login", outcome };
}

function roleIdOf({ role_id: roleId = "" }: Sent<typeof LOGIN_FIELDS>): string {
  return roleId.trim();
}

async function readRole({ roles, parameter }: AppRoleCall): Promise<MethodReply> {
  const role = await roles.read(parameter("role_name"));
  return role === null ? MISSING : { kind: "data", data: describeRole(role) };
}

function describeRole(role: Role): JsonObject {
  return {
    bind_secret_id: role.bindSecretId,
    local_secret_ids: role.localSecretIds,
    secret_id_bound_cidrs: role.secretIdBoundCidrs,
    secret_id_num_uses: role.secretIdUses,
    secret_id_ttl: role.secretIdTtlSeconds,
    ...describeTokenRules(role.rules),
  };
}

async function writeRole(
  { mount, roles, parameter }: AppRoleCall,
  wanted: Sent<typeof WRITE_FIELDS>,
): Promise<MethodReply> {
  const { sent, warnings } = plainType(wanted);
  let maxTtlSeconds = 0;
  await roles.write(parameter("role_name"), (old, isNew) => {
    const role = mergeRole(sent, old, isNew);
    if (role.rules.legacyNames.includes("period")) {
      refuseLongPeriod(role.rules.periodSeconds, mount);
    }
    maxTtlSeconds = role.rules.maxTtlSeconds;
    return role;
  });
  const all = maxTtlSeconds > leaseLimits(mount).maxSeconds
    ? [...warnings, TTL_TOO_LONG]
    : warnings;
  return all.length === 0 ? DONE : { kind: "data", data: null, warnings: all };
}

/** Reads a type meant for mounts (`default-…`) as its plain form, with a warning. */
function plainType(
  sent: Sent<typeof WRITE_FIELDS>,
): { readonly sent: Sent<typeof WRITE_FIELDS>; readonly warnings: readonly string[] } {
  const type = /^default-(service|batch)$/.exec(sent.token_type ?? "")?.[1];
  if (type === undefined) return { sent, warnings: [] };
  const warning = `default-${type} has no useful meaning; adjusting to ${type}`;
  return { sent: { ...sent, token_type: type }, warnings: [warning] };
}

function mergeRole(
  sent: Sent<typeof WRITE_FIELDS>,
  old: RoleSettings,
  isNew: boolean,
): RoleSettings {
  const rules = mergeTokenRules(sent, old.rules);
  const { local_secret_ids: local } = sent;
  if (local !== undefined && !isNew) {
    throw invalidRequest("local_secret_ids can only be modified during role creation");
  }
  const bounds = sent.secret_id_bound_cidrs ?? sent.bound_cidr_list;
  return {
    roleId: sent.role_id ?? old.roleId,
    secretIdTtlSeconds: sent.secret_id_ttl ?? old.secretIdTtlSeconds,
    secretIdUses: checkUses(sent.secret_id_num_uses ?? old.secretIdUses),
    localSecretIds: local ?? old.localSecretIds,
    bindSecretId: sent.bind_secret_id ?? old.bindSecretId,
    secretIdBoundCidrs: bounds === undefined
      ? old.secretIdBoundCidrs
      : listingMistakes(() => checkCidrs(bounds, "CIDR blocks")),
    rules,
  };
}

async function readRoleId({ roles, parameter }: AppRoleCall): Promise<MethodReply> {
  const role = await roles.read(parameter("role_name"));
  return role === null ? MISSING : { kind: "data", data: { role_id: role.roleId } };
}

async function writeRoleId(
  call: AppRoleCall,
  { role_id: roleId = "" }: Sent<typeof ROLE_ID_FIELDS>,
): Promise<MethodReply> {
  await changeRole(call, (old) => {
    if (roleId === "") throw invalidRequest("missing role_id");
    return { ...old, roleId };
  });
  return DONE;
}

async function readLocality({ roles, parameter }: AppRoleCall): Promise<MethodReply> {
  const role = await roles.read(parameter("role_name"));
  if (role === null) return MISSING;
  return { kind: "data", data: { local_secret_ids: role.localSecretIds } };
}

/** Clears ended secret ids now; otherwise the alarm clears them in time. */
async function tidy({ tidy }: AppRoleCall): Promise<MethodReply> {
  await tidy();
  return { kind: "tidied" };
}

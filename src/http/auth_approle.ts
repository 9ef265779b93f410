/** `auth/<mount>/…` of approle: roles, and logging in. */

import { checkCidrs } from "../access/cidr.ts";
import type { AppRole, Role, RoleSettings } from "../access/logins/approle.ts";
import type { LoginMount } from "../access/logins/login_mounts.ts";
import { boolean, type Sent, text } from "../engines/fields.ts";
import { LIST_FIELDS } from "../engines/listing.ts";
import { operation, parameter } from "../engines/served_path.ts";
import { invalidRequest } from "../errors.ts";
import {
  type AppRoleCall,
  changeRole,
  checkUses,
  loginBounds,
  PERIOD_FIELDS,
  ROLE_FIELD_PATHS,
  ROLE_FIELDS,
} from "./auth_approle_fields.ts";
import { SECRET_ID_PATHS } from "./auth_approle_secret_ids.ts";
import {
  describeTokenRules,
  mergeTokenRules,
  POLICIES_FIELDS,
  TOKEN_RULE_FIELDS,
} from "./auth_token_rules.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import {
  DONE,
  findLoginPath,
  listNames,
  type LoginCall,
  type LoginPath,
  loginPath,
  MISSING,
  serveLoginPath,
} from "./login_paths.ts";
import { answerLogin } from "./login_reply.ts";
import type { JsonObject } from "./replies.ts";

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

const WRITE_ROLE = operation(
  { summary: "Create or change a role", fields: WRITE_FIELDS },
  writeRole,
);

export const APPROLE_PATHS: readonly LoginPath<AppRoleCall>[] = [
  loginPath("login", {
    update: operation(
      { summary: "Log in with role id and secret id", fields: LOGIN_FIELDS, answers: ["auth"] },
      login,
    ),
  }),
  loginPath("role", {
    list: operation(
      { summary: "List the roles", fields: LIST_FIELDS },
      async ({ roles }: AppRoleCall, sent) => listNames(await roles.list(), sent),
    ),
  }),
  loginPath("role/{role_name}", {
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
  }, { checksExistence: true }),
  loginPath("role/{role_name}/role-id", {
    read: operation({ summary: "Show the id of a role" }, readRoleId),
    update: operation({ summary: "Give a role another id", fields: ROLE_ID_FIELDS }, writeRoleId),
  }),
  loginPath("role/{role_name}/local-secret-ids", {
    read: operation({ summary: "Show whether secret ids are local" }, readLocality),
  }),
  ...ROLE_FIELD_PATHS,
  ...SECRET_ID_PATHS,
  loginPath("tidy/secret-id", {
    update: operation({ summary: "Clear secret ids whose time is over", answers: ["data"] }, tidy),
  }),
];

/** Serves a request; `rest` is its path below the mount. */
export async function serveAppRole(
  request: LogicalCall,
  mount: LoginMount,
  rest: string,
): Promise<LogicalReply> {
  const roles = await request.open.logins.appRole(mount);
  const ask = (parameter: LoginCall["parameter"]) => ({ ...request, mount, roles, parameter });
  return await serveLoginPath(APPROLE_PATHS, rest, request, ask);
}

/** Whether a write below the mount would overwrite: `update`, not `create`. */
export async function appRoleExists(roles: AppRole, rest: string): Promise<boolean> {
  const found = findLoginPath(APPROLE_PATHS, rest);
  if (found?.served.checksExistence !== true) return true;
  return await roles.read(parameter(found.parameters, "role_name")) !== null;
}

async function login(
  request: AppRoleCall,
  sent: Sent<typeof LOGIN_FIELDS>,
): Promise<LogicalReply> {
  const roleId = (sent.role_id ?? "").trim();
  const secretId = (sent.secret_id ?? "").trim();
  if (roleId === "") throw invalidRequest("missing role_id");
  const login = await request.roles.login(roleId, secretId, request.call.remoteAddress);
  return await answerLogin(request, request.mount, login);
}

async function readRole({ roles, parameter }: AppRoleCall): Promise<LogicalReply> {
  const role = await roles.read(parameter("role_name"));
  return role === null ? MISSING : { kind: "data", data: describeRole(role) };
}

function describeRole(role: Role): JsonObject {
  return {
    bind_secret_id: role.bindSecretId,
    local_secret_ids: role.localSecretIds,
    secret_id_bound_cidrs: loginBounds(role),
    secret_id_num_uses: role.secretIdUses,
    secret_id_ttl: role.secretIdTtlSeconds,
    ...describeTokenRules(role.rules),
  };
}

async function writeRole(
  { roles, parameter }: AppRoleCall,
  sent: Sent<typeof WRITE_FIELDS>,
): Promise<LogicalReply> {
  await roles.write(parameter("role_name"), (old, isNew) => mergeRole(sent, old, isNew));
  return DONE;
}

function mergeRole(
  sent: Sent<typeof WRITE_FIELDS>,
  old: RoleSettings,
  isNew: boolean,
): RoleSettings {
  const { local_secret_ids: local } = sent;
  if (local !== undefined && !isNew && local !== old.localSecretIds) {
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
      : checkCidrs(bounds, "CIDR blocks"),
    rules: mergeTokenRules(sent, old.rules),
  };
}

async function readRoleId({ roles, parameter }: AppRoleCall): Promise<LogicalReply> {
  const role = await roles.read(parameter("role_name"));
  return role === null ? MISSING : { kind: "data", data: { role_id: role.roleId } };
}

async function writeRoleId(
  call: AppRoleCall,
  { role_id: roleId = "" }: Sent<typeof ROLE_ID_FIELDS>,
): Promise<LogicalReply> {
  await changeRole(call, (old) => {
    if (roleId === "") throw invalidRequest("missing role_id");
    return { ...old, roleId };
  });
  return DONE;
}

async function readLocality({ roles, parameter }: AppRoleCall): Promise<LogicalReply> {
  const role = await roles.read(parameter("role_name"));
  if (role === null) return MISSING;
  return { kind: "data", data: { local_secret_ids: role.localSecretIds } };
}

/** The alarm clears them too, in time. */
async function tidy({ call }: AppRoleCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.logins.expire());
  const warnings = [
    "Tidy operation successfully started. Any information from the operation will be printed to " +
    "the server's logs.",
  ];
  return { kind: "data", status: 202, data: null, warnings };
}

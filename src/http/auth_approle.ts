/** `auth/<mount>/…` of approle: roles, secret ids, and logging in. */

import type { AppRole, Role, RoleSettings } from "../access/logins/approle.ts";
import type { SecretId } from "../access/logins/approle_secret_ids.ts";
import type { LoginMount } from "../access/logins/login_mounts.ts";
import { leaseLimits } from "../access/logins/lease_limits.ts";
import {
  coerceText,
  type Fields,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readText,
  requestFields,
} from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { describeTokenRules, mergeTokenRules, refuseAddresses } from "./auth_token_rules.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import { answerLogin } from "./login_reply.ts";
import type { JsonObject } from "./replies.ts";

const DONE: LogicalReply = { kind: "done" };
/** How Go prints a time that is not set. */
const NEVER = "0001-01-01T00:00:00Z";

interface RoleRequest {
  readonly request: LogicalCall;
  readonly mount: LoginMount;
  readonly roles: AppRole;
  readonly name: string;
}

/** Serves a request; `rest` is its path below the mount. */
export async function serveAppRole(
  request: LogicalCall,
  mount: LoginMount,
  rest: string,
): Promise<LogicalReply> {
  const roles = await request.open.logins.appRole(mount);
  if (rest === "login") return await login(request, mount, roles);
  const [first, name = "", ...more] = rest.split("/");
  if (first !== "role") throw unsupportedPath();
  if (name === "") {
    if (request.operation !== "list" || more.length > 0) throw unsupportedOperation();
    const keys = await roles.list();
    return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
  }
  const asked: RoleRequest = { request, mount, roles, name };
  switch (more.join("/")) {
    case "":
      if (more.length > 0) throw unsupportedPath();
      return await serveRole(asked);
    case "role-id":
      return await serveRoleId(asked);
    case "secret-id":
      if (request.operation === "update") return await issueSecretId(asked, null);
      throw unsupportedOperation();
    case "secret-id/":
      if (request.operation === "list") return await listAccessors(asked);
      throw unsupportedOperation();
    case "custom-secret-id":
      return await issueCustomSecretId(asked);
    case "secret-id/lookup":
    case "secret-id-accessor/lookup":
      return await lookupSecretId(asked, more[0] === "secret-id-accessor");
    case "secret-id/destroy":
    case "secret-id-accessor/destroy":
      return await destroySecretId(asked, more[0] === "secret-id-accessor");
    default:
      throw unsupportedPath();
  }
}

/** Whether a write below the mount would overwrite: `update`, not `create`. */
export async function appRoleExists(roles: AppRole, rest: string): Promise<boolean> {
  const name = /^role\/([^/]+)$/.exec(rest)?.[1];
  return name === undefined || await roles.read(name) !== null;
}

function unsupportedPath(): VaultError {
  return new VaultError("unsupported_path", "unsupported path");
}

function unsupportedOperation(): VaultError {
  return new VaultError("unsupported_operation", "unsupported operation");
}

function requireUpdate({ operation }: LogicalCall): void {
  if (operation !== "update") throw unsupportedOperation();
}

async function login(
  request: LogicalCall,
  mount: LoginMount,
  roles: AppRole,
): Promise<LogicalReply> {
  requireUpdate(request);
  const fields = requestFields(request.data);
  const roleId = (readText(fields, "role_id") ?? "").trim();
  const secretId = (readText(fields, "secret_id") ?? "").trim();
  if (roleId === "") throw invalidRequest("missing role_id");
  if (secretId === "") throw invalidRequest("missing secret_id");
  return await answerLogin(request, mount, await roles.login(roleId, secretId));
}

async function serveRole({ request, roles, name }: RoleRequest): Promise<LogicalReply> {
  switch (request.operation) {
    case "read": {
      const role = await roles.read(name);
      return role === null ? { kind: "missing" } : { kind: "data", data: describeRole(role) };
    }
    case "create":
    case "update": {
      const fields = requestFields(request.data);
      await roles.write(name, (settings, isNew) => mergeRole(fields, settings, isNew));
      return DONE;
    }
    case "delete":
      await roles.remove(name);
      return DONE;
    default:
      throw unsupportedOperation();
  }
}

function describeRole(role: Role): JsonObject {
  return {
    bind_secret_id: true,
    local_secret_ids: role.localSecretIds,
    secret_id_bound_cidrs: null,
    secret_id_num_uses: role.secretIdUses,
    secret_id_ttl: role.secretIdTtlSeconds,
    ...describeTokenRules(role.rules),
  };
}

function mergeRole(fields: Fields, old: RoleSettings, isNew: boolean): RoleSettings {
  refuseAddresses(fields, ["secret_id_bound_cidrs", "bound_cidr_list"]);
  // Addresses, the other constraint there is, are not supported.
  if (readBoolean(fields, "bind_secret_id") === false) {
    throw invalidRequest("at least one constraint should be enabled on the role");
  }
  const local = readBoolean(fields, "local_secret_ids");
  if (local !== undefined && !isNew && local !== old.localSecretIds) {
    throw invalidRequest("local_secret_ids can only be modified during role creation");
  }
  const uses = readInteger(fields, "secret_id_num_uses") ?? old.secretIdUses;
  if (uses < 0) throw invalidRequest("secret_id_num_uses cannot be negative");
  return {
    roleId: readText(fields, "role_id") ?? old.roleId,
    secretIdTtlSeconds: readDurationSeconds(fields, "secret_id_ttl") ?? old.secretIdTtlSeconds,
    secretIdUses: uses,
    localSecretIds: local ?? old.localSecretIds,
    rules: mergeTokenRules(fields, old.rules),
  };
}

async function serveRoleId({ request, roles, name }: RoleRequest): Promise<LogicalReply> {
  const role = await roles.read(name);
  switch (request.operation) {
    case "read":
      return role === null ? { kind: "missing" } : { kind: "data", data: { role_id: role.roleId } };
    case "update": {
      if (role === null) throw unsupportedPath();
      const roleId = readText(requestFields(request.data), "role_id") ?? "";
      if (roleId === "") throw invalidRequest("missing role_id");
      await roles.write(name, (settings) => ({ ...settings, roleId }));
      return DONE;
    }
    default:
      throw unsupportedOperation();
  }
}

async function issueCustomSecretId(asked: RoleRequest): Promise<LogicalReply> {
  requireUpdate(asked.request);
  const secretId = readText(requestFields(asked.request.data), "secret_id") ?? "";
  if (secretId === "") throw invalidRequest("missing secret_id");
  return await issueSecretId(asked, secretId);
}

async function issueSecretId(
  { request, mount, roles, name }: RoleRequest,
  secretId: string | null,
): Promise<LogicalReply> {
  const role = await roles.read(name);
  if (role === null) {
    throw new VaultError("not_found", `role ${JSON.stringify(name)} does not exist`);
  }
  const fields = requestFields(request.data);
  refuseAddresses(fields, ["cidr_list", "token_bound_cidrs"]);
  const uses = readUses(fields, role);
  const ttlSeconds = Math.min(readTtl(fields, role), leaseLimits(mount).maxSeconds);
  const meta = parseMetadata(readText(fields, "metadata") ?? "");
  const issued = await roles.secretIds.issue(role.key, { secretId, uses, ttlSeconds, meta });
  return {
    kind: "data",
    data: {
      secret_id: issued.secretId,
      secret_id_accessor: issued.stored.accessor,
      secret_id_num_uses: uses,
      secret_id_ttl: ttlSeconds,
    },
  };
}

/** A secret id may be narrower than its role says, never wider. */
function readUses(fields: Fields, role: Role): number {
  const uses = readInteger(fields, "num_uses");
  if (uses === undefined) return role.secretIdUses;
  if (uses < 0) throw invalidRequest("num_uses cannot be negative");
  if (role.secretIdUses > 0 && (uses === 0 || uses > role.secretIdUses)) {
    throw invalidRequest("num_uses cannot be higher than the role's secret_id_num_uses");
  }
  return uses;
}

function readTtl(fields: Fields, role: Role): number {
  const ttl = readDurationSeconds(fields, "ttl");
  if (ttl === undefined) return role.secretIdTtlSeconds;
  if (role.secretIdTtlSeconds > 0 && (ttl === 0 || ttl > role.secretIdTtlSeconds)) {
    throw invalidRequest("ttl cannot be longer than the role's secret_id_ttl");
  }
  return ttl;
}

/** The text of a JSON object, or `name=value` with commas. */
function parseMetadata(text: string): Readonly<Record<string, string>> {
  if (text.trim() === "") return {};
  const pairs = text.trimStart().startsWith("{") ? jsonPairs(text) : textPairs(text);
  if (pairs === null) {
    throw invalidRequest("failed to parse metadata: wanted a JSON object of texts, or name=value");
  }
  return Object.fromEntries(pairs);
}

function jsonPairs(text: string): readonly (readonly [string, string])[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  const pairs = Object.entries(Object(parsed)).map(([name, value]) =>
    [name, coerceText(value)] as const
  );
  return pairs.every((pair): pair is [string, string] => pair[1] !== null) ? pairs : null;
}

function textPairs(text: string): readonly (readonly [string, string])[] | null {
  const pairs = text.split(",").map((pair) => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim(), equals > 0] as const;
  });
  return pairs.every(([, , isPair]) => isPair) ? pairs.map(([name, value]) => [name, value]) : null;
}

async function listAccessors({ roles, name }: RoleRequest): Promise<LogicalReply> {
  const role = await requireRole(roles, name);
  const keys = await roles.secretIds.accessors(role.key);
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function requireRole(roles: AppRole, name: string): Promise<Role> {
  const role = await roles.read(name);
  if (role === null) throw invalidRequest(`role ${JSON.stringify(name)} does not exist`);
  return role;
}

/** The secret id that the body names. Null: it has ended, or never was. */
async function findNamed({ request, roles, name }: RoleRequest, byAccessor: boolean) {
  const field = byAccessor ? "secret_id_accessor" : "secret_id";
  const text = readText(requestFields(request.data), field) ?? "";
  if (text === "") throw invalidRequest(`missing ${field}`);
  const role = await requireRole(roles, name);
  const found = byAccessor
    ? await roles.secretIds.findByAccessor(role.key, text)
    : await roles.secretIds.find(role.key, text);
  return { role, found };
}

function unknownAccessor(code: "not_found" | "invalid_request"): VaultError {
  return new VaultError(code, "failed to find accessor entry for secret_id_accessor");
}

async function lookupSecretId(asked: RoleRequest, byAccessor: boolean): Promise<LogicalReply> {
  requireUpdate(asked.request);
  const { found } = await findNamed(asked, byAccessor);
  if (found !== null) return { kind: "data", data: describeSecretId(found.value) };
  if (byAccessor) throw unknownAccessor("not_found");
  // The reference answers 204, which its clients take for "no such secret id".
  return DONE;
}

async function destroySecretId(asked: RoleRequest, byAccessor: boolean): Promise<LogicalReply> {
  const { operation } = asked.request;
  if (operation !== "update" && operation !== "delete") throw unsupportedOperation();
  const { role, found } = await findNamed(asked, byAccessor);
  if (found !== null) await asked.roles.secretIds.destroy(role.key, found);
  else if (byAccessor) throw unknownAccessor("invalid_request");
  return DONE;
}

function describeSecretId(stored: SecretId): JsonObject {
  const { expiresAtMs } = stored;
  return {
    cidr_list: [],
    creation_time: new Date(stored.createdAtMs).toISOString(),
    expiration_time: expiresAtMs === null ? NEVER : new Date(expiresAtMs).toISOString(),
    last_updated_time: new Date(stored.updatedAtMs).toISOString(),
    metadata: stored.meta,
    secret_id_accessor: stored.accessor,
    secret_id_num_uses: stored.uses,
    secret_id_ttl: stored.ttlSeconds,
    token_bound_cidrs: [],
  };
}

/** `/auth/token/roles/*`. */

import type { Hono } from "hono";
import type { RoleTokenType, TokenRole } from "../access/token_roles.ts";
import {
  type Fields,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readText,
  readTextList,
  requestFields,
} from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";

const PREFIX = "auth/token/roles";
const DONE: LogicalReply = { kind: "done" };
const TYPES: readonly string[] = ["default-service", "default-batch", "service", "batch"];

export function registerTokenRoleEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, { path: PREFIX, operations: { list } });
  registerLogical(app, context, { path: `${PREFIX}/`, operations: { list } });
  registerLogical(app, context, {
    path: `${PREFIX}/*`,
    operations: { read, update: write, delete: remove },
  });
}

function roleName(path: string): string {
  const name = path.slice(PREFIX.length + 1);
  if (name === "" || name.includes("/")) {
    throw new VaultError("unsupported_path", "unsupported path");
  }
  return name;
}

async function list({ open }: LogicalCall): Promise<LogicalReply> {
  const keys = await open.tokenRoles.list();
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function read({ open, path }: LogicalCall): Promise<LogicalReply> {
  const role = await open.tokenRoles.read(roleName(path));
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
      token_bound_cidrs: [],
      token_explicit_max_ttl: role.explicitMaxTtlSeconds,
      token_no_default_policy: role.noDefaultPolicy,
      token_num_uses: role.uses,
      token_period: role.periodSeconds,
      token_type: role.tokenType,
    },
  };
}

async function write({ open, path, data }: LogicalCall): Promise<LogicalReply> {
  const name = roleName(path);
  const fields = requestFields(data);
  refuseUnsupported(fields);
  const old = await open.tokenRoles.read(name);
  await open.tokenRoles.write(mergeRole(name, fields, old));
  return DONE;
}

async function remove({ open, path }: LogicalCall): Promise<LogicalReply> {
  await open.tokenRoles.remove(roleName(path));
  return DONE;
}

/** Fields not sent keep their value. */
function mergeRole(name: string, fields: Fields, old: TokenRole | null): TokenRole {
  const seconds = (field: string, elder: string): number | undefined =>
    readDurationSeconds(fields, field) ?? readDurationSeconds(fields, elder);
  const policies = (field: string): readonly string[] | undefined =>
    readTextList(fields, field)?.map((policy) => policy.toLowerCase());
  return {
    name,
    allowedPolicies: policies("allowed_policies") ?? old?.allowedPolicies ?? [],
    disallowedPolicies: policies("disallowed_policies") ?? old?.disallowedPolicies ?? [],
    orphan: readBoolean(fields, "orphan") ?? old?.orphan ?? false,
    renewable: readBoolean(fields, "renewable") ?? old?.renewable ?? true,
    pathSuffix: readText(fields, "path_suffix") ?? old?.pathSuffix ?? "",
    periodSeconds: seconds("token_period", "period") ?? old?.periodSeconds ?? 0,
    explicitMaxTtlSeconds: seconds("token_explicit_max_ttl", "explicit_max_ttl") ??
      old?.explicitMaxTtlSeconds ?? 0,
    uses: readInteger(fields, "token_num_uses") ?? old?.uses ?? 0,
    noDefaultPolicy: readBoolean(fields, "token_no_default_policy") ?? old?.noDefaultPolicy ??
      false,
    tokenType: readType(fields) ?? old?.tokenType ?? "default-service",
  };
}

function readType(fields: Fields): RoleTokenType | undefined {
  const type = readText(fields, "token_type");
  if (type === undefined || type === "") return undefined;
  if (!TYPES.includes(type)) throw invalidRequest("invalid 'token_type' value");
  return type as RoleTokenType;
}

/** Limits that would silently not hold must not be accepted. */
function refuseUnsupported(fields: Fields): void {
  for (const field of ["token_bound_cidrs", "bound_cidrs", "allowed_policies_glob"]) {
    if ((readTextList(fields, field) ?? []).length > 0) {
      throw invalidRequest(`${field} is not supported`);
    }
  }
  if ((readTextList(fields, "disallowed_policies_glob") ?? []).length > 0) {
    throw invalidRequest("disallowed_policies_glob is not supported");
  }
}

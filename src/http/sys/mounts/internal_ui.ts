/** `/sys/internal/ui/*`: asked by pages and the CLI before they use a mount. */

import type { AclGrant } from "../../../access/policies/acl.ts";
import type { AuthMount } from "../../../access/auth_mount.ts";
import type { ParameterRules, ParameterValue } from "../../../access/policies/policy.ts";
import { VaultError } from "../../../errors.ts";
import type { Mount } from "../../../vault/mounts/mount_record.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { ownerOf } from "../../../vault/mounts/owner.ts";
import { describeEntry } from "./view.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

export const INTERNAL_UI_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/internal/ui/mounts", {
    read: logicalOperation(
      { summary: "List the mounts that the token may use" },
      async (request) => ({ kind: "data", data: visibleMounts(request) }),
    ),
  }, { token: "optional" }),
  logicalEndpoint("sys/internal/ui/mounts/{path*}", {
    read: logicalOperation({ summary: "Show the mount that owns a path" }, owningMount),
  }, { token: "optional" }),
  logicalEndpoint("sys/internal/ui/resultant-acl", {
    read: logicalOperation(
      { summary: "Show what the token's policies say together" },
      async (request) => ({ kind: "data", data: resultantAcl(request) }),
    ),
  }),
];

/** In the reference's order, which differs from that of `sys/capabilities`. */
const CAPABILITIES_SHOWN: readonly string[] = [
  "deny",
  "create",
  "delete",
  "list",
  "read",
  "sudo",
  "update",
  "patch",
  "scan",
];

/** Whether a token may do anything on a mount. */
export function mayUse({ acl }: LogicalCall, path: string): boolean {
  return acl.grantsBelow(path);
}

/** The mounts that the token may use. Without a token, those listed for anonymous callers. */
function visibleMounts(request: LogicalCall): JsonObject {
  const { call: { token }, unsealed } = request;
  const sees = ({ config }: Mount | AuthMount, path: string): boolean =>
    config.listingVisibility === "unauth" || (token !== null && mayUse(request, path));
  const secret = unsealed.mounts.list().filter((mount) => sees(mount, mount.path));
  const auth = unsealed.logins.list().filter((mount) => sees(mount, `auth/${mount.path}`));
  const { version } = request.call.context.options;
  const shown = (mount: Mount | AuthMount): [string, JsonObject] => {
    const { path, description, options, type } = mount;
    return [path, token === null ? { description, options, type } : describeEntry(mount, version)];
  };
  return {
    auth: Object.fromEntries(auth.map(shown)),
    secret: Object.fromEntries(secret.map(shown)),
  };
}

/** The mount that owns a path, which the CLI asks for before any kv command. Throws `denied`. */
async function owningMount(request: EndpointCall): Promise<LogicalReply> {
  const asked = request.parameter("path");
  if (asked === "") throw new VaultError("not_found", "unsupported path");
  if (request.call.token === null) throw new VaultError("unauthenticated", "permission denied");
  const data = describeOwner(request, asked) ?? describeOwner(request, `${asked}/`);
  if (data !== null) return { kind: "data", data };
  const text = `preflight capability check returned 403, please ensure client's policies ` +
    `grant access to path "${asked.endsWith("/") ? asked : `${asked}/`}"`;
  throw new VaultError("denied", text);
}

/** Also null for a mount that the token may not use, so that it does not learn what exists. */
function describeOwner({ unsealed, acl, call }: LogicalCall, path: string): JsonObject | null {
  const owner = ownerOf(unsealed, path);
  if (owner === null) return null;
  const { kind, mount } = owner;
  if (!acl.grantsBelow(kind === "login" ? `auth/${mount.path}` : mount.path)) return null;
  return { ...describeEntry(mount, call.context.options.version), path: mount.path };
}

/** The deciding rules by path. As in the reference, patterns with `+` are in neither map. */
function resultantAcl({ acl }: LogicalCall): JsonObject {
  if (acl.isRoot) return { root: true };
  const of = (kind: AclGrant["kind"]): JsonObject =>
    Object.fromEntries(
      acl.grants().filter((grant) => grant.kind === kind).map((grant) => [
        kind === "prefix" ? grant.path.slice(0, -1) : grant.path,
        describeGrant(grant),
      ]),
    );
  return { exact_paths: of("exact"), glob_paths: of("prefix"), root: false };
}

function describeGrant(grant: AclGrant): JsonObject {
  const { allowedParameters, deniedParameters, requiredParameters } = grant;
  const { minWrappingTtlSeconds: min, maxWrappingTtlSeconds: max } = grant;
  return {
    capabilities: CAPABILITIES_SHOWN.filter((name) => grant.names.includes(name)),
    ...(allowedParameters.size === 0 ? {} : { allowed_parameters: plain(allowedParameters) }),
    ...(deniedParameters.size === 0 ? {} : { denied_parameters: plain(deniedParameters) }),
    ...(max === null ? {} : { max_wrapping_ttl: Math.trunc(max) }),
    ...(min === null ? {} : { min_wrapping_ttl: Math.trunc(min) }),
    ...(requiredParameters.length === 0 ? {} : { required_parameters: requiredParameters }),
  };
}

function plain(value: ParameterValue | ParameterRules): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, each]) => [name, plain(each)]));
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

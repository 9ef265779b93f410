/** `/sys/internal/ui/*`: what pages and the CLI ask before they use a mount. */

import type { AclGrant } from "../access/acl.ts";
import type { ParameterRules, ParameterValue } from "../access/policy.ts";
import { VaultError } from "../errors.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import type { JsonObject } from "./replies.ts";
import { describeLoginMount } from "./sys_auth.ts";
import { describeMount } from "./sys_mounts.ts";

export const INTERNAL_UI_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/internal/ui/mounts", {
    read: logicalOperation(
      { summary: "List the mounts that the token may use" },
      async (request) => ({ kind: "data", data: visibleMounts(request) }),
    ),
  }, { token: "optional" }),
  logicalEndpoint("sys/internal/ui/mounts/{path+}", {
    read: logicalOperation({ summary: "Show the mount that owns a path" }, owningMount),
  }, { token: "valid" }),
  logicalEndpoint("sys/internal/ui/resultant-acl", {
    read: logicalOperation(
      { summary: "Show what the token's policies say together" },
      async (request) => ({ kind: "data", data: resultantAcl(request) }),
    ),
  }),
];

/** Whether a token may do anything at or below a path. */
export function mayUse({ acl }: LogicalCall, path: string): boolean {
  return acl.capabilities(path)[0] !== "deny" || acl.grantsBelow(path);
}

/** What the token may use; who has none sees the logins that are meant to be seen. */
function visibleMounts(request: LogicalCall): JsonObject {
  const { call, open } = request;
  if (call.token === null) {
    const shown = open.logins.list().filter(({ config }) => config.listingVisibility === "unauth");
    const auth = shown.map(({ path, type, description, options }) =>
      [path, { description, options, type }] as const
    );
    return { auth: Object.fromEntries(auth), secret: {} };
  }
  const secret = open.mounts.list().filter(({ path }) => mayUse(request, path));
  const auth = open.logins.list().filter(({ path, config }) =>
    config.listingVisibility === "unauth" || mayUse(request, `auth/${path}`)
  );
  return {
    auth: Object.fromEntries(auth.map((mount) => [mount.path, describeLoginMount(mount)])),
    secret: Object.fromEntries(secret.map((mount) => [mount.path, describeMount(mount)])),
  };
}

/** The mount that owns a path: the CLI's first question before any kv command. */
async function owningMount(request: EndpointCall): Promise<LogicalReply> {
  const asked = request.parameter("path");
  const data = describeOwner(request, asked) ?? describeOwner(request, `${asked}/`);
  if (data !== null) return { kind: "data", data };
  const text = `preflight capability check returned 403, please ensure client's policies ` +
    `grant access to path "${asked.endsWith("/") ? asked : `${asked}/`}"`;
  throw new VaultError("denied", text);
}

/** Null also for a mount that the token may not use: nobody learns so what exists. */
function describeOwner({ open, acl }: LogicalCall, path: string): JsonObject | null {
  const mount = open.mounts.route(path)?.mount;
  if (mount !== undefined) {
    return acl.grantsBelow(mount.path) ? { ...describeMount(mount), path: mount.path } : null;
  }
  const login = open.logins.route(path)?.mount;
  if (login === undefined || !acl.grantsBelow(`auth/${login.path}`)) return null;
  return { ...describeLoginMount(login), path: login.path };
}

/** The rules that decide, by their paths; those with `+` are in neither map, as in the reference. */
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
    capabilities: grant.names,
    ...(allowedParameters.size === 0 ? {} : { allowed_parameters: plain(allowedParameters) }),
    ...(deniedParameters.size === 0 ? {} : { denied_parameters: plain(deniedParameters) }),
    ...(max === null ? {} : { max_wrapping_ttl: max }),
    ...(min === null ? {} : { min_wrapping_ttl: min }),
    ...(requiredParameters.length === 0 ? {} : { required_parameters: requiredParameters }),
  };
}

function plain(value: ParameterValue | ParameterRules): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, each]) => [name, plain(each)]));
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

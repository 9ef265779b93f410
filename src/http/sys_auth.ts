/** `/sys/auth*`: auth methods. */

import type { Hono } from "hono";
import type {
  LoginMount,
  LoginMountConfig,
  LoginMountRequest,
} from "../access/logins/login_mounts.ts";
import { leaseLimits } from "../access/logins/lease_limits.ts";
import {
  type Fields,
  readBoolean,
  readDurationSeconds,
  readObject,
  readText,
  requestFields,
} from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../limits.ts";
import { disableLogin } from "../vault/disable_login.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import { isTune, mountPath, TUNE } from "./mount_paths.ts";
import type { JsonObject } from "./replies.ts";
import { readOptions } from "./sys_mounts.ts";

const PREFIX = "sys/auth/";
const DONE: LogicalReply = { kind: "done" };
const TOKEN_TYPES: readonly string[] = ["default-service", "default-batch", "service", "batch"];
const VISIBILITIES: readonly string[] = ["", "hidden", "unauth"];

export function registerLoginMountEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/auth",
    copiesData: true,
    operations: { read: async ({ open }) => ({ kind: "data", data: table(open.logins.list()) }) },
  });
  registerLogical(app, context, {
    path: `${PREFIX}*`,
    copiesData: true,
    sudo: true,
    operations: { read, update: write, delete: remove },
  });
}

function table(mounts: readonly LoginMount[]): JsonObject {
  return Object.fromEntries(mounts.map((mount) => [mount.path, describeLoginMount(mount)]));
}

/** A mount as every list shows it. */
export function describeLoginMount(mount: LoginMount): JsonObject {
  const { config } = mount;
  const visibility = config.listingVisibility;
  return {
    accessor: mount.accessor,
    config: {
      default_lease_ttl: config.defaultLeaseSeconds,
      force_no_cache: config.forceNoCache,
      ...(visibility === "" ? {} : { listing_visibility: visibility }),
      max_lease_ttl: config.maxLeaseSeconds,
      token_type: config.tokenType,
    },
    description: mount.description,
    external_entropy_access: mount.externalEntropyAccess,
    local: mount.local,
    options: mount.options,
    plugin_version: "",
    running_plugin_version: "",
    running_sha256: "",
    seal_wrap: mount.sealWrap,
    type: mount.type,
    uuid: mount.uuid,
  };
}

async function read({ open, path }: LogicalCall): Promise<LogicalReply> {
  if (!isTune(path, PREFIX)) {
    const mount = open.logins.at(mountPath(path, PREFIX));
    if (mount === null) throw invalidRequest(`No auth engine at ${mountPath(path, PREFIX)}`);
    return { kind: "data", data: describeLoginMount(mount) };
  }
  const tuned = mountPath(path.slice(0, -TUNE.length), PREFIX);
  const mount = open.logins.at(tuned);
  if (mount === null) throw invalidRequest(`cannot fetch sysview for path "auth/${tuned}"`);
  return { kind: "data", data: describeTuning(mount) };
}

function describeTuning(mount: LoginMount): JsonObject {
  const { config, options } = mount;
  const { defaultSeconds, maxSeconds } = leaseLimits(mount);
  const visibility = config.listingVisibility;
  return {
    default_lease_ttl: defaultSeconds,
    description: mount.description,
    force_no_cache: config.forceNoCache,
    ...(visibility === "" ? {} : { listing_visibility: visibility }),
    max_lease_ttl: maxSeconds,
    ...(options === null || Object.keys(options).length === 0 ? {} : { options }),
    token_type: config.tokenType,
  };
}

async function write(request: LogicalCall): Promise<LogicalReply> {
  return isTune(request.path, PREFIX) ? await tune(request) : await enable(request);
}

async function enable({ call, path, data }: LogicalCall): Promise<LogicalReply> {
  const fields = requestFields(data);
  const type = readText(fields, "type") ?? "";
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  const options = readOptions(fields) ?? {};
  if ((options["version"] ?? "") !== "") {
    throw invalidRequest(`auth method ${JSON.stringify(type)} does not allow setting a version`);
  }
  const mount: LoginMountRequest = {
    path: mountPath(path, PREFIX),
    type,
    description: readText(fields, "description") ?? "",
    local: readBoolean(fields, "local") ?? false,
    sealWrap: readBoolean(fields, "seal_wrap") ?? false,
    externalEntropyAccess: readBoolean(fields, "external_entropy_access") ?? false,
    options,
    config: readConfig(requestFields(readObject(fields, "config") ?? {}), null),
  };
  await call.vault.administer((open) => open.logins.mount(mount));
  return DONE;
}

function readConfig(fields: Fields, now: LoginMountConfig | null): LoginMountConfig {
  const config: LoginMountConfig = {
    defaultLeaseSeconds: readLease(fields, "default_lease_ttl") ?? now?.defaultLeaseSeconds ?? 0,
    maxLeaseSeconds: readLease(fields, "max_lease_ttl") ?? now?.maxLeaseSeconds ?? 0,
    forceNoCache: readBoolean(fields, "force_no_cache") ?? now?.forceNoCache ?? false,
    tokenType: readTokenType(fields) ?? now?.tokenType ?? "default-service",
    listingVisibility: readVisibility(fields) ?? now?.listingVisibility ?? "",
  };
  const { defaultLeaseSeconds, maxLeaseSeconds } = config;
  if (maxLeaseSeconds !== 0 && defaultLeaseSeconds > maxLeaseSeconds) {
    throw invalidRequest("given default lease TTL greater than given max lease TTL");
  }
  if (maxLeaseSeconds === 0 && defaultLeaseSeconds > LEASE_DEFAULT_SECONDS) {
    throw invalidRequest(
      `given default lease TTL greater than system max lease TTL of ${LEASE_DEFAULT_SECONDS}`,
    );
  }
  return config;
}

function readLease(fields: Fields, name: string): number | undefined {
  return fields.data[name] === "system" ? 0 : readDurationSeconds(fields, name);
}

function readTokenType(fields: Fields): LoginMountConfig["tokenType"] | undefined {
  const type = readText(fields, "token_type");
  if (type === undefined || type === "") return undefined;
  if (!TOKEN_TYPES.includes(type)) throw invalidRequest("invalid value for 'token_type'");
  return type as LoginMountConfig["tokenType"];
}

function readVisibility(fields: Fields): LoginMountConfig["listingVisibility"] | undefined {
  const visibility = readText(fields, "listing_visibility");
  if (visibility === undefined) return undefined;
  if (!VISIBILITIES.includes(visibility)) {
    throw invalidRequest(`invalid listing_visibility ${visibility}`);
  }
  return visibility as LoginMountConfig["listingVisibility"];
}

async function tune({ call, path, data }: LogicalCall): Promise<LogicalReply> {
  const tuned = mountPath(path.slice(0, -TUNE.length), PREFIX);
  const fields = requestFields(data);
  await call.vault.administer(async ({ logins }) => {
    const mount = logins.at(tuned);
    if (mount === null) {
      throw invalidRequest(`tune of path "auth/${tuned}" failed: no mount entry found`);
    }
    const config = readConfig(fields, mount.config);
    if (mount.type === "token" && config.tokenType !== mount.config.tokenType) {
      throw invalidRequest("'token_type' cannot be set for the token store");
    }
    const options = readOptions(fields);
    await logins.tune(mount, {
      description: readText(fields, "description") ?? mount.description,
      config,
      options: options === null ? mount.options : { ...mount.options, ...options },
    });
  });
  return DONE;
}

async function remove({ call, path }: LogicalCall): Promise<LogicalReply> {
  await disableLogin(call.vault, mountPath(path, PREFIX));
  return DONE;
}

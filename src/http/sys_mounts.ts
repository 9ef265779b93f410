/** `/sys/mounts*`: secrets engines. */

import type { Hono } from "hono";
import {
  coerceText,
  type Fields,
  readBoolean,
  readDurationSeconds,
  readObject,
  readText,
  requestFields,
} from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../limits.ts";
import type { Mount, MountConfig } from "../vault/mounts.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import { isTune, mountPath, TUNE } from "./mount_paths.ts";
import type { JsonObject } from "./replies.ts";

const PREFIX = "sys/mounts/";
const DONE: LogicalReply = { kind: "done" };

export function registerMountEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/mounts",
    copiesData: true,
    operations: { read: async ({ open }) => ({ kind: "data", data: table(open.mounts.list()) }) },
  });
  registerLogical(app, context, {
    path: "sys/mounts/*",
    copiesData: true,
    operations: { read, update: write, delete: remove },
  });
}

function table(mounts: readonly Mount[]): JsonObject {
  return Object.fromEntries(mounts.map((mount) => [mount.path, describeMount(mount)]));
}

/** A mount as every list shows it. */
export function describeMount(mount: Mount): JsonObject {
  return {
    accessor: mount.accessor,
    config: {
      default_lease_ttl: mount.config.defaultLeaseSeconds,
      force_no_cache: mount.config.forceNoCache,
      max_lease_ttl: mount.config.maxLeaseSeconds,
      ...passthroughHeaders(mount),
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

function passthroughHeaders(mount: Mount): JsonObject {
  if (mount.type === "system") return { passthrough_request_headers: ["Accept"] };
  if (mount.type === "identity") return { passthrough_request_headers: ["Authorization"] };
  return {};
}

async function read(request: LogicalCall): Promise<LogicalReply> {
  if (isTune(request.path, PREFIX)) return readTuning(request);
  const path = mountPath(request.path, PREFIX);
  const mount = request.open.mounts.at(path);
  if (mount === null) throw invalidRequest(`No secret engine mount at ${path}`);
  return { kind: "data", data: describeMount(mount) };
}

function readTuning({ open, path }: LogicalCall): LogicalReply {
  const tuned = mountPath(path.slice(0, -TUNE.length), PREFIX);
  const mount = open.mounts.at(tuned);
  if (mount === null) throw invalidRequest(`cannot fetch sysview for path "${tuned}"`);
  const { defaultLeaseSeconds, maxLeaseSeconds, forceNoCache } = mount.config;
  const options = mount.options !== null && Object.keys(mount.options).length > 0;
  return {
    kind: "data",
    data: {
      default_lease_ttl: defaultLeaseSeconds === 0 ? LEASE_DEFAULT_SECONDS : defaultLeaseSeconds,
      description: mount.description,
      force_no_cache: forceNoCache,
      max_lease_ttl: maxLeaseSeconds === 0 ? LEASE_DEFAULT_SECONDS : maxLeaseSeconds,
      ...(options ? { options: mount.options } : {}),
    },
  };
}

async function write(request: LogicalCall): Promise<LogicalReply> {
  return isTune(request.path, PREFIX) ? await tune(request) : await enable(request);
}

async function enable({ call, path, data }: LogicalCall): Promise<LogicalReply> {
  const fields = requestFields(data);
  const type = readText(fields, "type") ?? "";
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  const mount = {
    path: mountPath(path, PREFIX),
    type,
    description: readText(fields, "description") ?? "",
    local: readBoolean(fields, "local") ?? false,
    sealWrap: readBoolean(fields, "seal_wrap") ?? false,
    externalEntropyAccess: readBoolean(fields, "external_entropy_access") ?? false,
    options: readOptions(fields),
    config: readConfig(requestFields(readObject(fields, "config") ?? {}), null),
  };
  await call.vault.administer((open) => open.mounts.mount(mount));
  return DONE;
}

export function readOptions(fields: Fields): Readonly<Record<string, string>> | null {
  const options = readObject(fields, "options");
  if (options === undefined) return null;
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, coerceText(value) ?? ""]),
  );
}

function readConfig(fields: Fields, now: MountConfig | null): MountConfig {
  return {
    defaultLeaseSeconds: readDurationSeconds(fields, "default_lease_ttl") ??
      now?.defaultLeaseSeconds ?? 0,
    maxLeaseSeconds: readDurationSeconds(fields, "max_lease_ttl") ?? now?.maxLeaseSeconds ?? 0,
    forceNoCache: readBoolean(fields, "force_no_cache") ?? now?.forceNoCache ?? false,
  };
}

async function tune({ call, path, data }: LogicalCall): Promise<LogicalReply> {
  const tuned = mountPath(path.slice(0, -TUNE.length), PREFIX);
  const fields = requestFields(data);
  await call.vault.administer(async (open) => {
    const mount = open.mounts.at(tuned);
    if (mount === null) {
      throw invalidRequest(`tune of path "${tuned}" failed: no mount entry found`);
    }
    const options = readOptions(fields);
    await open.mounts.tune(tuned, {
      description: readText(fields, "description") ?? mount.description,
      config: readConfig(fields, mount.config),
      options: options === null ? mount.options : { ...mount.options, ...options },
    });
  });
  return DONE;
}

async function remove({ call, path }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.mounts.unmount(mountPath(path, PREFIX)));
  return DONE;
}

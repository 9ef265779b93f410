/** `/sys/mounts*`: secrets engines. */

import * as v from "valibot";
import { boolean, duration, object, readFields, type Sent, text } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../limits.ts";
import type { Mount, MountConfig } from "../vault/mounts.ts";
import {
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import { ENABLE_FIELDS, mountPath, textOptions } from "./mount_paths.ts";
import type { JsonObject } from "./replies.ts";

const DONE: LogicalReply = { kind: "done" };

const CONFIG_FIELDS = {
  default_lease_ttl: duration("lease of what is read, unless it says otherwise"),
  max_lease_ttl: duration("longest lease"),
  force_no_cache: boolean("as sent; nothing is cached beyond the store"),
};

const TUNE_FIELDS = {
  ...CONFIG_FIELDS,
  description: text("what the mount is for"),
  options: object("settings of the engine itself"),
};

export const MOUNT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/mounts", {
    read: logicalOperation(
      { summary: "List the secrets engines" },
      async ({ open }) => ({ kind: "data", data: table(open.mounts.list()) }),
    ),
  }, { copiesData: true }),
  logicalEndpoint("sys/mounts/{path+}/tune", {
    read: logicalOperation({ summary: "Show the settings of a secrets engine" }, readTuning),
    update: logicalOperation(
      { summary: "Change the settings of a secrets engine", fields: TUNE_FIELDS },
      tune,
    ),
  }, { copiesData: true }),
  logicalEndpoint("sys/mounts/{path+}", {
    read: logicalOperation({ summary: "Show a secrets engine" }, read),
    update: logicalOperation(
      { summary: "Enable a secrets engine", fields: ENABLE_FIELDS },
      enable,
    ),
    delete: logicalOperation(
      { summary: "Disable a secrets engine and delete what it stores" },
      remove,
    ),
  }, { copiesData: true }),
];

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

async function read(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  const mount = request.open.mounts.at(path);
  if (mount === null) throw invalidRequest(`No secret engine mount at ${path}`);
  return { kind: "data", data: describeMount(mount) };
}

async function readTuning(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  const mount = request.open.mounts.at(path);
  if (mount === null) throw invalidRequest(`cannot fetch sysview for path "${path}"`);
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

async function enable(
  request: EndpointCall,
  sent: Sent<typeof ENABLE_FIELDS>,
): Promise<LogicalReply> {
  const { type = "" } = sent;
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  const mount = {
    path: mountPath(request),
    type,
    description: sent.description ?? "",
    local: sent.local ?? false,
    sealWrap: sent.seal_wrap ?? false,
    externalEntropyAccess: sent.external_entropy_access ?? false,
    options: sent.options === undefined ? null : textOptions(sent.options),
    config: mergeConfig(readFields(CONFIG_SCHEMA, sent.config ?? {}), null),
  };
  await request.call.vault.administer((open) => open.mounts.mount(mount));
  return DONE;
}

const CONFIG_SCHEMA = v.object(CONFIG_FIELDS);

function mergeConfig(sent: Sent<typeof CONFIG_FIELDS>, now: MountConfig | null): MountConfig {
  return {
    defaultLeaseSeconds: sent.default_lease_ttl ?? now?.defaultLeaseSeconds ?? 0,
    maxLeaseSeconds: sent.max_lease_ttl ?? now?.maxLeaseSeconds ?? 0,
    forceNoCache: sent.force_no_cache ?? now?.forceNoCache ?? false,
  };
}

async function tune(
  request: EndpointCall,
  sent: Sent<typeof TUNE_FIELDS>,
): Promise<LogicalReply> {
  const path = mountPath(request);
  await request.call.vault.administer(async (open) => {
    const mount = open.mounts.at(path);
    if (mount === null) {
      throw invalidRequest(`tune of path "${path}" failed: no mount entry found`);
    }
    await open.mounts.tune(path, {
      description: sent.description ?? mount.description,
      config: mergeConfig(sent, mount.config),
      options: sent.options === undefined
        ? mount.options
        : { ...mount.options, ...textOptions(sent.options) },
    });
  });
  return DONE;
}

async function remove(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  await request.call.vault.administer((open) => open.mounts.unmount(path));
  return DONE;
}

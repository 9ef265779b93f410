/** `/sys/mounts*`: secrets engines, and auth methods below `auth/`, which clients tune here too. */

import type { Sent } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import type { MountRequest } from "../../../vault/mounts/mount_record.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { mountType, otherVersion, readConfig, readLeases, settingsOf } from "./config.ts";
import { ownerOf, ownerPath } from "../../../vault/mounts/owner.ts";
import { ENABLE_FIELDS, mountSettings, TUNE_FIELDS } from "./fields.ts";
import { MOUNT_SPELLINGS, mountPath } from "../mount_path.ts";
import { readTuning, tuneMount } from "./tuning.ts";
import { describeEntry } from "./view.ts";

const KV_TYPES: ReadonlySet<string> = new Set(["kv", "kv-v1", "kv-v2"]);
/** Types that are never plugins in the reference, only built in. `generic` is kv. */
const NEVER_PLUGINS: ReadonlySet<string> = new Set(["kv", "cubbyhole", "system", "identity"]);

export const MOUNT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/mounts", {
    read: logicalOperation({ summary: "List the secrets engines" }, list),
  }, { copiesData: true }),
  logicalEndpoint("sys/mounts/{path+}/tune", {
    read: logicalOperation(
      { summary: "Show the settings of a mount" },
      async (request) => readTuning(request.unsealed, mountPath(request)),
    ),
    update: logicalOperation(
      {
        summary: "Change the settings of a mount",
        fields: TUNE_FIELDS,
        answers: ["nothing", "data"],
      },
      (request, sent) => tuneMount(request, sent, mountPath(request)),
    ),
  }, {
    copiesData: true,
    alias: (unsealed, parameter) => {
      const path = ownerPath(unsealed, parameter, "");
      return path === null ? null : `sys/mounts/${path}/tune`;
    },
  }, MOUNT_SPELLINGS),
  logicalEndpoint("sys/mounts/{path+}", {
    read: logicalOperation({ summary: "Show the mount that owns a path" }, read),
    update: logicalOperation(
      { summary: "Enable a secrets engine", fields: ENABLE_FIELDS },
      enable,
    ),
    delete: logicalOperation(
      { summary: "Disable a secrets engine and delete what it stores" },
      remove,
    ),
  }, {
    copiesData: true,
    alias: (unsealed, parameter, operation) => {
      const path = operation === "read" ? ownerPath(unsealed, parameter, "") : null;
      return path === null ? null : `sys/mounts/${path}`;
    },
  }, MOUNT_SPELLINGS),
];

async function list({ unsealed, call }: LogicalCall): Promise<LogicalReply> {
  const { version } = call.context.options;
  const mounts = unsealed.mounts.list().map((mount) => [mount.path, describeEntry(mount, version)]);
  return { kind: "data", data: Object.fromEntries(mounts) };
}

async function read(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  const owner = ownerOf(request.unsealed, path);
  if (owner === null) throw invalidRequest(`No secret engine mount at ${path}`);
  return { kind: "data", data: describeEntry(owner.mount, request.call.context.options.version) };
}

async function enable(
  request: EndpointCall,
  sent: Sent<typeof ENABLE_FIELDS>,
): Promise<LogicalReply> {
  const config = readConfig(sent.config ?? {}, "mount");
  const leases = readLeases(config);
  const type = mountType(sent.type ?? "", config, sent.plugin_name ?? "");
  const settings = mountSettings(sent);
  if (!KV_TYPES.has(type) && (settings.options?.["version"] ?? "") !== "") {
    throw invalidRequest(`secrets engine ${JSON.stringify(type)} does not allow setting a version`);
  }
  const version = pluginVersion(type, config.plugin_version ?? "", request);
  const mount: MountRequest = {
    path: mountPath(request),
    type,
    version,
    ...settings,
    config: settingsOf(config, leases),
  };
  await request.call.vault.administer((unsealed) => unsealed.mounts.mount(mount));
  return DONE;
}

function pluginVersion(type: string, asked: string, { call }: EndpointCall): string | null {
  if (asked === "") return null;
  const name = KV_TYPES.has(type) || type === "generic" ? "kv" : type;
  const other = otherVersion(asked, call.context.options.version);
  if (other !== null && NEVER_PLUGINS.has(name)) {
    throw invalidRequest(`cannot select non-builtin version of secrets plugin ${name}`);
  }
  return other;
}

async function remove(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  if (path.startsWith("auth/") && request.unsealed.logins.at(path.slice("auth/".length)) !== null) {
    throw invalidRequest(`cannot unmount "${path}"`);
  }
  await request.call.vault.administer((unsealed) => unsealed.mounts.unmount(path));
  return DONE;
}

/** `/sys/auth*`: auth methods. */

import type { AuthMountRequest } from "../../../vault/mounts/auth_mounts.ts";
import type { Sent } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { disableLogin } from "../../../vault/mounts/disable_login.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import {
  mountType,
  otherVersion,
  parseTokenType,
  readConfig,
  readLeases,
  settingsOf,
} from "./config.ts";
import { ownerPath } from "../../../vault/mounts/owner.ts";
import { ENABLE_FIELDS, mountSettings, TUNE_FIELDS } from "./fields.ts";
import { MOUNT_SPELLINGS, mountPath } from "../mount_path.ts";
import { readTuning, tuneMount } from "./tuning.ts";
import { describeEntry } from "./view.ts";

const RULES = { copiesData: true, sudo: true };

export const AUTH_MOUNT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/auth", {
    read: logicalOperation({ summary: "List the auth methods" }, list),
  }, { copiesData: true }),
  logicalEndpoint("sys/auth/{path+}/tune", {
    // As in the reference, this also accepts a path below the method, unlike reading the mount.
    read: logicalOperation(
      { summary: "Show the settings of an auth method" },
      async (request) => readTuning(request.unsealed, `auth/${mountPath(request)}`),
    ),
    update: logicalOperation(
      { summary: "Change the settings of an auth method", fields: TUNE_FIELDS },
      (request, sent) => tuneMount(request, sent, `auth/${mountPath(request)}`),
    ),
  }, {
    ...RULES,
    alias: (unsealed, parameter) => {
      const path = ownerPath(unsealed, parameter, "auth/");
      return path === null ? null : `sys/auth/${path}/tune`;
    },
  }, MOUNT_SPELLINGS),
  logicalEndpoint(
    "sys/auth/{path+}",
    {
      read: logicalOperation({ summary: "Show an auth method" }, read),
      update: logicalOperation({ summary: "Enable an auth method", fields: ENABLE_FIELDS }, enable),
      delete: logicalOperation(
        { summary: "Disable an auth method and revoke its tokens" },
        remove,
      ),
    },
    RULES,
    MOUNT_SPELLINGS,
  ),
];

async function list({ unsealed, call }: LogicalCall): Promise<LogicalReply> {
  const { version } = call.context.options;
  const logins = unsealed.logins.list().map((mount) =>
    [mount.path, describeEntry(mount, version)] as const
  );
  return { kind: "data", data: Object.fromEntries(logins) };
}

async function read(request: EndpointCall): Promise<LogicalReply> {
  const path = mountPath(request);
  const mount = request.unsealed.logins.at(path);
  if (mount === null) throw invalidRequest(`No auth engine at ${path}`);
  return { kind: "data", data: describeEntry(mount, request.call.context.options.version) };
}

async function enable(
  request: EndpointCall,
  sent: Sent<typeof ENABLE_FIELDS>,
): Promise<LogicalReply> {
  const config = readConfig(sent.config ?? {}, "auth");
  const leases = readLeases(config);
  const tokenType = parseTokenType(config.token_type ?? "");
  const type = mountType(sent.type ?? "", config, sent.plugin_name ?? "");
  const asked = config.plugin_version ?? "";
  const version = asked === "" ? null : otherVersion(asked, request.call.context.options.version);
  const settings = mountSettings(sent);
  if ((settings.options?.["version"] ?? "") !== "") {
    throw invalidRequest(`auth method ${JSON.stringify(type)} does not allow setting a version`);
  }
  const mount: AuthMountRequest = {
    path: mountPath(request),
    type,
    version,
    ...settings,
    // As in the reference, `force_no_cache` is kept only for secrets engines.
    config: { ...settingsOf(config, leases), forceNoCache: false, tokenType, userLockout: null },
  };
  await request.call.vault.administer((unsealed) => unsealed.logins.mount(mount));
  return DONE;
}

async function remove(request: EndpointCall): Promise<LogicalReply> {
  await disableLogin(request.call.vault, mountPath(request));
  return DONE;
}

/** `/sys/plugins/*`: what can be mounted. All of it is built in, so a reload loads nothing. */

import { type Sent, text, textList } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { multiError } from "../../../wire/multi_error.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
  MISSING,
} from "../../request/logical.ts";
import { ownerOf } from "../../../vault/mounts/owner.ts";
import { imitatedOperation, imitatedPath } from "../imitation.ts";
import { isInCatalog, PLUGIN_TYPES, pluginNames, type PluginType } from "./plugin_catalog.ts";
import {
  FORGET_PLUGIN,
  REGISTER_PLUGIN,
  UNTYPED_PLUGIN,
  VERSION_FIELDS,
} from "./plugin_registration.ts";
import { builtinVersion, canonicalVersion } from "./plugin_versions.ts";

const RULES = { sudo: true };
const RELOAD_FIELDS = {
  plugin: text("name of a plugin, all of whose mounts are meant"),
  mounts: textList("paths of mounts"),
  scope: text("not used: there is one server"),
};

export const PLUGIN_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/plugins/catalog", {
    read: logicalOperation({ summary: "Show what can be mounted" }, catalog),
  }, { slashAlias: true }),
  ...PLUGIN_TYPES.flatMap((type) => [
    logicalEndpoint(`sys/plugins/catalog/${type}`, {
      list: logicalOperation(
        { summary: "List what can be mounted of a type" },
        async () => listPlugins(type),
      ),
    }, RULES),
    logicalEndpoint(`sys/plugins/catalog/${type}/{name+}`, {
      read: logicalOperation(
        { summary: "Show one thing that can be mounted", fields: VERSION_FIELDS },
        async (request, { version = "" }) => show(request, type, version),
      ),
      update: imitatedOperation(REGISTER_PLUGIN),
      delete: imitatedOperation(FORGET_PLUGIN),
    }, RULES),
  ]),
  imitatedPath(UNTYPED_PLUGIN),
  logicalEndpoint("sys/plugins/reload/backend", {
    update: logicalOperation(
      { summary: "Load plugins anew: there is nothing to load", fields: RELOAD_FIELDS },
      reload,
    ),
  }, RULES),
];

/** Types without plugins are omitted. */
async function catalog({ call }: LogicalCall): Promise<LogicalReply> {
  const version = builtinVersion(call.context.options.version);
  const shown = PLUGIN_TYPES.map((type) => [type, pluginNames(type)] as const)
    .filter(([, names]) => names.length > 0);
  const detailed = shown.flatMap(([type, names]) =>
    names.map((name) => ({ builtin: true, deprecation_status: "supported", name, type, version }))
  );
  return { kind: "data", data: { ...Object.fromEntries(shown), detailed } };
}

function listPlugins(type: PluginType): LogicalReply {
  const keys = pluginNames(type);
  return keys.length === 0 ? MISSING : { kind: "data", data: { keys } };
}

function show({ parameter, call }: EndpointCall, type: PluginType, asked: string): LogicalReply {
  const name = parameter("name");
  const version = builtinVersion(call.context.options.version);
  const isOther = asked !== "" && asked !== version && canonicalVersion(asked) !== version;
  if (isOther || !pluginNames(type).includes(name)) return MISSING;
  return {
    kind: "data",
    data: {
      args: null,
      builtin: true,
      command: "",
      declarative: false,
      deprecation_status: "supported",
      name,
      oci: false,
      sha256: "",
      version,
    },
  };
}

async function reload(
  { call, unsealed }: EndpointCall,
  { plugin = "", mounts = [] }: Sent<typeof RELOAD_FIELDS>,
): Promise<LogicalReply> {
  if (plugin !== "" && mounts.length > 0) {
    throw invalidRequest("plugin and mounts cannot be set at the same time");
  }
  if (plugin === "" && mounts.length === 0) {
    throw invalidRequest("plugin or mounts must be provided");
  }
  if (plugin !== "") refusePlugin(plugin);
  const refusals = mounts.flatMap((path) => reloadRefusal(unsealed, path));
  if (refusals.length > 0) throw invalidRequest(multiError(refusals));
  return { kind: "data", data: { reload_id: call.requestId } };
}

const SINGLETON = "singleton plugin cannot be reloaded";
const SINGLETONS: ReadonlySet<string> = new Set(["cubbyhole", "identity", "system", "token"]);

function refusePlugin(name: string): void {
  const quoted = JSON.stringify(name);
  if (SINGLETONS.has(name)) throw invalidRequest(`${SINGLETON}: ${quoted}`);
  if (!isInCatalog(name)) throw invalidRequest(`plugin not found in the catalog: ${quoted}`);
}

function reloadRefusal(unsealed: UnsealedVault, sent: string): readonly string[] {
  const path = `${sent.replace(/^sys\/(?=auth\/)/, "").replace(/\/$/, "")}/`;
  const owner = ownerOf(unsealed, path);
  if (owner === null) return [`cannot fetch mount entry on "${path}"`];
  const { type } = owner.mount;
  return SINGLETONS.has(type) ? [`cannot reload plugin on "${path}": ${SINGLETON}: "${type}"`] : [];
}

/**
 * `/sys/plugins/*`: what can be mounted. Everything is built in: nothing is registered, and there is
 * nothing to load anew.
 */

import { boolean, type Sent, text, textList } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { listedMistake, multiError } from "../../../wire/multi_error.ts";
import type { OpenVault } from "../../../vault/open_vault.ts";
import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { ownerOf } from "../../../vault/mounts/owner.ts";
import { builtinVersion, canonicalVersion, isBuiltinVersion } from "./plugin_versions.ts";

/** Sorted. */
const PLUGINS = {
  auth: ["approle", "userpass"],
  database: [],
  secret: ["kv", "transit"],
} satisfies Readonly<Record<string, readonly string[]>>;

const TYPES = ["auth", "database", "secret"] as const;
type PluginType = typeof TYPES[number];

const RULES = { sudo: true };
const VERSION_FIELDS = { version: text("of the plugin; empty for the one that runs") };
const REGISTER_FIELDS = {
  ...VERSION_FIELDS,
  type: text("auth, database or secret"),
  sha256: text("of the program"),
  sha_256: text("the same"),
  command: text("the program"),
  args: textList("its arguments"),
  env: textList("its environment"),
  oci: boolean("whether it is an image"),
};
const RELOAD_FIELDS = {
  plugin: text("name of a plugin, all of whose mounts are meant"),
  mounts: textList("paths of mounts"),
  scope: text("not used: there is one server"),
};

export const PLUGIN_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/plugins/catalog", {
    read: logicalOperation({ summary: "Show what can be mounted" }, catalog),
  }, { slashAlias: true }),
  ...TYPES.flatMap((type) => [
    logicalEndpoint(`sys/plugins/catalog/${type}`, {
      list: logicalOperation(
        { summary: "List what can be mounted of a type" },
        async () => listPlugins(type),
      ),
    }, RULES),
    pluginEndpoint(`sys/plugins/catalog/${type}/{name+}`, type),
  ]),
  // The older form, without a type, under which nothing is found.
  pluginEndpoint("sys/plugins/catalog/{name+}", null),
  logicalEndpoint("sys/plugins/reload/backend", {
    update: logicalOperation(
      { summary: "Load plugins anew: there is nothing to load", fields: RELOAD_FIELDS },
      reload,
    ),
  }, RULES),
];

function pluginEndpoint(template: string, type: PluginType | null): LogicalEndpoint {
  return logicalEndpoint(template, {
    read: logicalOperation(
      { summary: "Show one thing that can be mounted", fields: VERSION_FIELDS },
      async (call, { version = "" }) =>
        type === null ? deprecated(call, "read plugin information") : show(call, type, version),
    ),
    update: logicalOperation(
      { summary: "Register a plugin: never done", fields: REGISTER_FIELDS },
      async (_call, sent) => refuseRegistration(sent),
    ),
    delete: logicalOperation(
      {
        summary: "Forget a plugin; what is built in stays",
        fields: VERSION_FIELDS,
        answers: ["nothing", "data"],
      },
      async (call, { version = "" }) => {
        refuseBuiltIn(version, "cannot be deleted");
        return type === null ? deprecated(call, "deregister plugin") : { kind: "done" };
      },
    ),
  }, RULES);
}

async function catalog({ call }: LogicalCall): Promise<LogicalReply> {
  const version = builtinVersion(call.context.options.version);
  const shown = TYPES.filter((type) => PLUGINS[type].length > 0);
  const detailed = shown.flatMap((type) =>
    PLUGINS[type].map((name) => (
      { builtin: true, deprecation_status: "supported", name, type, version }
    ))
  );
  const names = Object.fromEntries(shown.map((type) => [type, PLUGINS[type]]));
  return { kind: "data", data: { ...names, detailed } };
}

function listPlugins(type: PluginType): LogicalReply {
  const keys = PLUGINS[type];
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

function show({ parameter, call }: EndpointCall, type: PluginType, asked: string): LogicalReply {
  const name = parameter("name");
  const version = builtinVersion(call.context.options.version);
  const isOther = asked !== "" && asked !== version && canonicalVersion(asked) !== version;
  if (isOther || !names(type).includes(name)) return { kind: "missing" };
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

function names(type: PluginType): readonly string[] {
  return PLUGINS[type];
}

function deprecated({ parameter }: EndpointCall, what: string): LogicalReply {
  const warning = `Deprecated API endpoint, cannot ${what} from catalog for ` +
    JSON.stringify(parameter("name"));
  return { kind: "data", data: null, warnings: [warning] };
}

/** In the end for the reason that a reference without a plugin directory has. */
function refuseRegistration(sent: Sent<typeof REGISTER_FIELDS>): never {
  refuseBuiltIn(
    sent.version ?? "",
    "is not allowed because 'builtin' is a reserved metadata identifier",
  );
  const { command = "", args = [] } = sent;
  const digest = (sent.sha256 ?? "") === "" ? sent.sha_256 ?? "" : sent.sha256 ?? "";
  if (digest === "") throw invalidRequest("missing SHA-256 value");
  if (command === "") throw invalidRequest("missing command value");
  if (command.includes(" ") && args.length > 0) {
    throw invalidRequest("must not specify args in command and args field");
  }
  if (!/^([0-9a-fA-F]{2})*$/.test(digest)) {
    throw invalidRequest("Could not decode SHA-256 value from Hex");
  }
  throw listedMistake("could not set plugin, plugin directory is not configured");
}

function refuseBuiltIn(asked: string, why: string): void {
  if (asked === "") return;
  const version = canonicalVersion(asked);
  if (isBuiltinVersion(version)) throw invalidRequest(`version ${JSON.stringify(version)} ${why}`);
}

async function reload(
  { call, open }: EndpointCall,
  { plugin = "", mounts = [] }: Sent<typeof RELOAD_FIELDS>,
): Promise<LogicalReply> {
  if (plugin !== "" && mounts.length > 0) {
    throw invalidRequest("plugin and mounts cannot be set at the same time");
  }
  if (plugin === "" && mounts.length === 0) {
    throw invalidRequest("plugin or mounts must be provided");
  }
  if (plugin !== "") refusePlugin(plugin);
  const refusals = mounts.flatMap((path) => reloadRefusal(open, path));
  if (refusals.length > 0) throw invalidRequest(multiError(refusals));
  return { kind: "data", data: { reload_id: call.requestId } };
}

const SINGLETON = "singleton plugin cannot be reloaded";
const SINGLETONS: ReadonlySet<string> = new Set(["cubbyhole", "identity", "system", "token"]);

function refusePlugin(name: string): void {
  const quoted = JSON.stringify(name);
  if (SINGLETONS.has(name)) throw invalidRequest(`${SINGLETON}: ${quoted}`);
  if (!TYPES.some((type) => names(type).includes(name))) {
    throw invalidRequest(`plugin not found in the catalog: ${quoted}`);
  }
}

function reloadRefusal(open: OpenVault, sent: string): readonly string[] {
  const path = `${sent.replace(/^sys\/(?=auth\/)/, "").replace(/\/$/, "")}/`;
  const owner = ownerOf(open, path);
  if (owner === null) return [`cannot fetch mount entry on "${path}"`];
  const { type } = owner.mount;
  return SINGLETONS.has(type) ? [`cannot reload plugin on "${path}": ${SINGLETON}: "${type}"`] : [];
}

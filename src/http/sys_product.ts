/** What clients ask about the product itself: its version, what it can mount, its CORS settings. */

import {
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import type { JsonObject } from "./replies.ts";

/** Sorted; everything is built in. */
const PLUGINS: Readonly<Record<string, readonly string[]>> = {
  auth: ["approle", "userpass"],
  database: [],
  secret: ["kv", "transit"],
};

export const PRODUCT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/version-history", {
    list: logicalOperation({ summary: "List the versions that have run here" }, versionHistory),
  }),
  logicalEndpoint("sys/plugins/catalog", {
    read: logicalOperation({ summary: "Show what can be mounted" }, catalog),
  }, { slashAlias: true }),
  logicalEndpoint("sys/plugins/catalog/{type}", {
    list: logicalOperation({ summary: "List what can be mounted of a type" }, pluginsOfType),
  }, { sudo: true }),
  logicalEndpoint("sys/plugins/catalog/{type}/{name}", {
    read: logicalOperation({ summary: "Show one thing that can be mounted" }, plugin),
  }, { sudo: true }),
  logicalEndpoint("sys/config/cors", {
    read: logicalOperation(
      { summary: "Show the settings of cross-origin requests: none are allowed" },
      async () => ({ kind: "data", data: { enabled: false } }),
    ),
  }, { copiesData: true, sudo: true }),
];

/** Only the running version is known; its time is that of the vault's first key. */
async function versionHistory({ call, open }: LogicalCall): Promise<LogicalReply> {
  const { version } = call.context.options;
  const installedAtMs = Math.min(...open.barrier.keyring.terms.map((term) => term.installTimeMs));
  const info = {
    build_date: "",
    previous_version: null,
    timestamp_installed: new Date(installedAtMs).toISOString(),
  };
  return { kind: "data", data: { key_info: { [version]: info }, keys: [version] } };
}

async function catalog(): Promise<LogicalReply> {
  const detailed = Object.entries(PLUGINS).flatMap(([type, names]) =>
    names.map((name) => ({ builtin: true, name, type, version: "" }))
  );
  return { kind: "data", data: { ...PLUGINS, detailed } };
}

async function pluginsOfType({ parameter }: EndpointCall): Promise<LogicalReply> {
  const keys = namesOf(parameter("type"));
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function plugin({ parameter }: EndpointCall): Promise<LogicalReply> {
  const name = parameter("name");
  if (!namesOf(parameter("type")).includes(name)) return { kind: "missing" };
  const data: JsonObject = {
    args: null,
    builtin: true,
    command: "",
    deprecation_status: "supported",
    name,
    sha256: "",
    version: "",
  };
  return { kind: "data", data };
}

function namesOf(type: string): readonly string[] {
  return Object.hasOwn(PLUGINS, type) ? PLUGINS[type] ?? [] : [];
}

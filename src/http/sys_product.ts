/** What clients ask about the product itself: its version, what it can mount, its CORS settings. */

import type { Hono } from "hono";
import { VaultError } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import type { JsonObject } from "./replies.ts";

const CATALOG = "sys/plugins/catalog";

/** Sorted; everything is built in. */
const PLUGINS: Readonly<Record<string, readonly string[]>> = {
  auth: ["approle", "userpass"],
  database: [],
  secret: ["kv", "transit"],
};

export function registerProductEndpoints(app: Hono, context: AppContext): void {
  for (const path of ["sys/version-history", "sys/version-history/"]) {
    registerLogical(app, context, { path, operations: { list: versionHistory } });
  }
  for (const path of [CATALOG, `${CATALOG}/`]) {
    registerLogical(app, context, { path, operations: { read: catalog } });
  }
  registerLogical(app, context, {
    path: `${CATALOG}/*`,
    sudo: true,
    operations: { read: plugin, list: pluginsOfType },
  });
  registerLogical(app, context, {
    path: "sys/config/cors",
    copiesData: true,
    sudo: true,
    operations: { read: async () => ({ kind: "data", data: { enabled: false } }) },
  });
}

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

async function pluginsOfType({ path }: LogicalCall): Promise<LogicalReply> {
  const keys = namesOf(path.slice(CATALOG.length + 1).replace(/\/$/, ""));
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function plugin({ path }: LogicalCall): Promise<LogicalReply> {
  const [type = "", name = "", ...more] = path.slice(CATALOG.length + 1).split("/");
  if (more.length > 0) throw new VaultError("unsupported_path", "unsupported path");
  if (!namesOf(type).includes(name)) return { kind: "missing" };
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

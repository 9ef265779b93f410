/** `/sys/audit*`: audit devices, and the hash by which a value appears in their lines. */

import type { Hono } from "hono";
import type { AuditDevice } from "../audit/device.ts";
import { coerceText, readBoolean, readObject, readText, requestFields } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import type { JsonObject } from "./replies.ts";

const DEVICES = "sys/audit/";
const HASHES = "sys/audit-hash/";
const DONE: LogicalReply = { kind: "done" };

export function registerAuditEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/audit",
    copiesData: true,
    sudo: true,
    operations: { read: async ({ open }) => ({ kind: "data", data: table(open.audit.list()) }) },
  });
  registerLogical(app, context, {
    path: `${DEVICES}*`,
    sudo: true,
    operations: { update: enable, delete: disable },
  });
  registerLogical(app, context, { path: `${HASHES}*`, operations: { update: hash } });
}

function table(devices: readonly AuditDevice[]): JsonObject {
  return Object.fromEntries(devices.map(({ path, type, description, options, local }) => [
    path,
    { path, type, description, options, local },
  ]));
}

/** The device's path in a request path, with its trailing slash. */
function devicePath(path: string, prefix: string): string {
  const rest = path.slice(prefix.length).replace(/\/+$/, "");
  if (rest === "") throw new VaultError("unsupported_path", "unsupported path");
  return `${rest}/`;
}

async function enable({ call, path, data }: LogicalCall): Promise<LogicalReply> {
  const fields = requestFields(data);
  const type = readText(fields, "type") ?? "";
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  const options = Object.entries(readObject(fields, "options") ?? {});
  const device: AuditDevice = {
    path: devicePath(path, DEVICES),
    type,
    description: readText(fields, "description") ?? "",
    options: Object.fromEntries(options.map(([name, value]) => [name, coerceText(value) ?? ""])),
    local: readBoolean(fields, "local") ?? false,
  };
  await call.vault.administer((open) => open.audit.enable(device));
  return DONE;
}

async function disable({ call, path }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.audit.disable(devicePath(path, DEVICES)));
  return DONE;
}

async function hash({ open, path, data }: LogicalCall): Promise<LogicalReply> {
  const input = readText(requestFields(data), "input") ?? "";
  if (input === "") throw invalidRequest('the "input" parameter is empty');
  const device = devicePath(path, HASHES);
  const hashed = open.audit.hash(device, input);
  if (hashed === null) throw invalidRequest(`unknown audit backend: ${JSON.stringify(device)}`);
  return { kind: "data", data: { hash: hashed } };
}

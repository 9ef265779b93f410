/** `/sys/audit*`: audit devices, and the hash of a value as it appears in their lines. */

import type { AuditDevice } from "../../../audit/device.ts";
import { boolean, coerceText, object, type Sent, text } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { MOUNT_SPELLINGS, mountPath } from "../mount_path.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

const ENABLE_FIELDS = {
  type: text("file, http or console"),
  description: text("what the device is for"),
  options: object("where it writes: file_path, or address"),
  local: boolean("as sent; there is one server"),
};

const HASH_FIELDS = { input: text("the value to look for") };

export const AUDIT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/audit", {
    read: logicalOperation(
      { summary: "List the audit devices" },
      async ({ unsealed }) => ({ kind: "data", data: table(unsealed.audit.list()) }),
    ),
  }, { copiesData: true, sudo: true }),
  logicalEndpoint(
    "sys/audit/{path+}",
    {
      update: logicalOperation(
        { summary: "Enable an audit device", fields: ENABLE_FIELDS },
        enable,
      ),
      delete: logicalOperation({ summary: "Disable an audit device" }, disable),
    },
    { sudo: true },
    MOUNT_SPELLINGS,
  ),
  logicalEndpoint(
    "sys/audit-hash/{path+}",
    {
      update: logicalOperation(
        {
          summary: "Hash a value as it appears in a device's lines",
          fields: HASH_FIELDS,
          answers: ["data"],
        },
        hash,
      ),
    },
    { copiesData: true },
    MOUNT_SPELLINGS,
  ),
];

function table(devices: readonly AuditDevice[]): JsonObject {
  return Object.fromEntries(devices.map(({ path, type, description, options, local }) => [
    path,
    { path, type, description, options, local },
  ]));
}

async function enable(
  request: EndpointCall,
  sent: Sent<typeof ENABLE_FIELDS>,
): Promise<LogicalReply> {
  const { type = "", description = "", options = {}, local = false } = sent;
  if (type === "") throw invalidRequest("backend type must be specified as a string");
  const texts = Object.entries(options).map(([name, value]) => [name, coerceText(value) ?? ""]);
  const device: AuditDevice = {
    path: mountPath(request),
    type,
    description,
    options: Object.fromEntries(texts),
    local,
  };
  await request.call.vault.administer((unsealed) => unsealed.audit.enable(device));
  return DONE;
}

async function disable(request: EndpointCall): Promise<LogicalReply> {
  await request.call.vault.administer((unsealed) => unsealed.audit.disable(mountPath(request)));
  return DONE;
}

async function hash(
  request: EndpointCall,
  { input = "" }: Sent<typeof HASH_FIELDS>,
): Promise<LogicalReply> {
  if (input === "") throw invalidRequest('the "input" parameter is empty');
  const device = mountPath(request);
  const hashed = request.unsealed.audit.hash(device, input);
  if (hashed === null) throw invalidRequest(`unknown audit backend ${JSON.stringify(device)}`);
  return { kind: "data", data: { hash: hashed } };
}

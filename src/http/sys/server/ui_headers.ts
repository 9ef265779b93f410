/**
 * `/sys/config/ui/headers`: headers for the pages of a user interface. They are only stored: this
 * server has no such pages, and never sends these headers.
 */

import { boolean, type Sent, textList } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import { changeSetting, readSetting } from "../../../vault/server_settings.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { HEADER_NAME } from "../../../access/policies/name_spellings.ts";

type UiHeaders = Readonly<Record<string, readonly string[]>>;

const PREFIX = "sys/config/ui/headers";
const FIELDS = {
  values: textList("the values, one line each"),
  multivalue: boolean("show all values"),
};
/** Sent by the server itself with every answer. */
const OWN_HEADERS: readonly string[] = ["strict-transport-security"];

export const UI_HEADER_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint(PREFIX, {
    list: logicalOperation({ summary: "List the headers of a user interface" }, list),
  }, { sudo: true }),
  logicalEndpoint(
    `${PREFIX}/{header}`,
    {
      read: logicalOperation({ summary: "Show a header", fields: FIELDS }, read),
      update: logicalOperation(
        { summary: "Set a header", fields: FIELDS, answers: ["data"] },
        update,
      ),
      delete: logicalOperation({ summary: "Remove a header" }, remove),
    },
    { sudo: true },
    { header: HEADER_NAME },
  ),
];

async function headersOf({ barrier }: UnsealedVault): Promise<UiHeaders> {
  return await readSetting<UiHeaders>(barrier, "ui-headers") ?? {};
}

async function list({ unsealed }: LogicalCall): Promise<LogicalReply> {
  const keys = Object.keys(await headersOf(unsealed)).sort();
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

async function read(
  request: EndpointCall,
  { multivalue = false }: Sent<typeof FIELDS>,
): Promise<LogicalReply> {
  const headers = new Map(Object.entries(await headersOf(request.unsealed)));
  const values = headers.get(request.parameter("header"));
  if (values === undefined) return { kind: "missing" };
  return { kind: "data", data: multivalue ? { values } : { value: values[0] } };
}

async function update(
  request: EndpointCall,
  { values = [] }: Sent<typeof FIELDS>,
): Promise<LogicalReply> {
  if (values.length === 0) throw invalidRequest("header and values must be specified");
  // A text is one value, commas included.
  const text = request.data["values"];
  const lines = typeof text === "string" ? [text] : values;
  const name = request.parameter("header");
  const lower = name.toLowerCase();
  if (lower.startsWith("x-vault-")) throw invalidRequest("X-Vault headers cannot be set");
  if (OWN_HEADERS.includes(lower)) {
    throw invalidRequest(
      "This header already exists in the server configuration and cannot be set in the UI.",
    );
  }
  await request.call.vault.administer(async (unsealed) => {
    await changeSetting<UiHeaders>(
      unsealed.barrier,
      "ui-headers",
      (headers) => ({ ...headers, [name]: lines }),
    );
  });
  const warnings = lower === "content-security-policy"
    ? [
      "overriding default Content-Security-Policy which is secure by default, proceed with caution",
    ]
    : [];
  return { kind: "data", data: null, warnings };
}

async function remove(request: EndpointCall): Promise<LogicalReply> {
  const name = request.parameter("header");
  await request.call.vault.administer(async (unsealed) => {
    await changeSetting<UiHeaders>(unsealed.barrier, "ui-headers", (before) => {
      const { [name]: _removed, ...headers } = before ?? {};
      return Object.keys(headers).length === 0 ? null : headers;
    });
  });
  return DONE;
}

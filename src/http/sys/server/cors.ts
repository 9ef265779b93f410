/** `/sys/config/cors`: which pages of other sites may use this server. */

import { boolean, type Sent, textList } from "../../../wire/fields.ts";
import { listedMistake } from "../../../wire/multi_error.ts";
import { allowedHeaders, corsSetting, setCors } from "../../request/cors.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

const FIELDS = {
  enable: boolean("not looked at: setting origins allows them"),
  allowed_origins: textList('the origins, or "*" alone for all'),
  allowed_headers: textList("request headers to allow besides those that clients need"),
  allow_credentials: boolean("the browser may send its credentials too"),
};

export const CORS_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/config/cors", {
    read: logicalOperation({ summary: "Show which origins may ask" }, read),
    update: logicalOperation({ summary: "Set which origins may ask", fields: FIELDS }, update),
    delete: logicalOperation({ summary: "Let no page of another site ask" }, remove),
  }, { copiesData: true, sudo: true }),
];

async function read({ call }: LogicalCall): Promise<LogicalReply> {
  const setting = await corsSetting(call.vault);
  if (setting === null) return { kind: "data", data: { enabled: false } };
  return {
    kind: "data",
    data: {
      enabled: true,
      allowed_origins: setting.allowedOrigins,
      allowed_headers: allowedHeaders(setting),
      allow_credentials: setting.allowCredentials,
    },
  };
}

/** Throws `invalid_request`; the reference answers 500 (D1). */
async function update({ call }: LogicalCall, sent: Sent<typeof FIELDS>): Promise<LogicalReply> {
  const { allowed_origins: allowedOrigins = [], allowed_headers: moreHeaders = [] } = sent;
  if (allowedOrigins.length === 0) {
    throw listedMistake("at least one origin or the wildcard must be provided");
  }
  if (allowedOrigins.length > 1 && allowedOrigins.includes("*")) {
    throw listedMistake("to allow all origins the '*' must be the only value for allowed_origins");
  }
  const allowCredentials = sent.allow_credentials ?? false;
  await setCors(call.vault, { allowedOrigins, moreHeaders, allowCredentials });
  return { kind: "done" };
}

async function remove({ call }: LogicalCall): Promise<LogicalReply> {
  await setCors(call.vault, null);
  return { kind: "done" };
}

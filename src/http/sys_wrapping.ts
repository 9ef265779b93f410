/** `/sys/wrapping/*`: wrapping what is sent, looking at a wrapping token, and opening it. */

import { type Sent, text } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { authoriseByPolicy } from "./auth.ts";
import {
  type EndpointRules,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import type { Envelope } from "./replies.ts";
import { wrapInfo, wrapTtlSeconds } from "./wrapping.ts";

const PREFIX = "sys/wrapping";
const TOKEN_FIELDS = { token: text("the wrapping token") };
/** Of its own kind of token, which is judged by the handler. */
const RULES: EndpointRules = { token: "ignored" };

export const WRAPPING_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint(`${PREFIX}/wrap`, {
    update: logicalOperation(
      { summary: "Wrap what is sent", takesAnything: true, answers: ["wrapping"] },
      echo,
    ),
  }, { copiesData: true }),
  logicalEndpoint(`${PREFIX}/rewrap`, {
    update: logicalOperation(
      {
        summary: "Give a wrapped reply a fresh token",
        fields: TOKEN_FIELDS,
        answers: ["wrapping"],
      },
      rewrap,
    ),
  }),
  logicalEndpoint(`${PREFIX}/lookup`, {
    read: logicalOperation({ summary: "Look at the request's own wrapping token" }, lookup),
    update: logicalOperation(
      { summary: "Look at a wrapping token", fields: TOKEN_FIELDS, answers: ["data"] },
      lookup,
    ),
  }, RULES),
  logicalEndpoint(`${PREFIX}/unwrap`, {
    update: logicalOperation(
      {
        summary: "Open a wrapped reply, once",
        fields: TOKEN_FIELDS,
        answers: ["data", "auth", "nothing"],
      },
      unwrap,
    ),
  }, RULES),
];

async function echo({ call, data }: LogicalCall): Promise<LogicalReply> {
  if (wrapTtlSeconds(call) === null) {
    throw invalidRequest("endpoint requires response wrapping to be used");
  }
  return { kind: "data", data };
}

async function lookup(
  { call, open }: LogicalCall,
  { token = "" }: { readonly token?: string | undefined },
): Promise<LogicalReply> {
  const id = token === "" ? call.tokenText : token;
  if (id === "") throw invalidRequest('missing "token" value in input');
  const wrapped = await open.wrapping.lookup(id);
  const data = {
    creation_path: wrapped.creationPath,
    creation_time: new Date(wrapped.createdAtMs).toISOString(),
    creation_ttl: wrapped.ttlSeconds,
  };
  return { kind: "data", data };
}

/** The wrapping token comes in the body of an authorised request, or is the request's own token. */
async function unwrap(
  { call, open }: LogicalCall,
  { token = "" }: Sent<typeof TOKEN_FIELDS>,
): Promise<LogicalReply> {
  if (token !== "" && token !== call.tokenText) {
    await authoriseByPolicy(call, `${PREFIX}/unwrap`, "update", false);
  }
  const wrapped = await open.wrapping.unwrap(token === "" ? call.tokenText : token);
  return { kind: "data", ...(wrapped.reply as Envelope) };
}

/** The same reply under a fresh token, for a holder who fears that his was seen. */
async function rewrap(
  { open }: LogicalCall,
  { token: id = "" }: Sent<typeof TOKEN_FIELDS>,
): Promise<LogicalReply> {
  if (id === "") throw invalidRequest('missing "token" value in input');
  const { reply, creationPath, ttlSeconds } = await open.wrapping.unwrap(id);
  const issued = await open.wrapping.wrap(reply, creationPath, ttlSeconds, false);
  return { kind: "data", data: null, wrapInfo: wrapInfo(issued) };
}

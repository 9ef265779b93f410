/** `/sys/wrapping/*`: wrapping what is sent, looking at a wrapping token, and opening it. */

import type { Hono } from "hono";
import { readText, requestFields } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { authoriseByPolicy } from "./auth.ts";
import type { AppContext, Call } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import { registerRaw } from "./raw.ts";
import { type Envelope, envelopeReply, type JsonObject } from "./replies.ts";
import { wrapInfo, wrapTtlSeconds } from "./wrapping.ts";

const PREFIX = "sys/wrapping";

export function registerWrappingEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: `${PREFIX}/wrap`,
    copiesData: true,
    operations: { update: echo },
  });
  registerLogical(app, context, { path: `${PREFIX}/rewrap`, operations: { update: rewrap } });
  registerRaw(app, context, {
    path: `${PREFIX}/lookup`,
    methods: { GET: lookup, PUT: lookup },
  });
  registerRaw(app, context, { path: `${PREFIX}/unwrap`, methods: { PUT: unwrap } });
}

async function echo({ call, data }: LogicalCall): Promise<LogicalReply> {
  if (wrapTtlSeconds(call) === null) {
    throw invalidRequest("endpoint requires response wrapping to be used");
  }
  return { kind: "data", data };
}

function tokenField(data: JsonObject): string {
  const fields = requestFields(data);
  return readText(fields, "token") ?? "";
}

async function lookup(call: Call): Promise<Response> {
  const given = call.method === "GET" ? "" : tokenField(await call.body());
  const id = given === "" ? call.tokenText : given;
  if (id === "") throw invalidRequest('missing "token" value in input');
  const wrapped = await call.vault.unsealed().wrapping.lookup(id);
  const data = {
    creation_path: wrapped.creationPath,
    creation_time: new Date(wrapped.createdAtMs).toISOString(),
    creation_ttl: wrapped.ttlSeconds,
  };
  return envelopeReply(200, { data }, call.context.random);
}

/** The wrapping token comes in the body of an authorised request, or is the request's own token. */
async function unwrap(call: Call): Promise<Response> {
  const given = tokenField(await call.body());
  if (given !== "" && given !== call.tokenText) {
    await authoriseByPolicy(call, `${PREFIX}/unwrap`, "update", false);
  }
  const id = given === "" ? call.tokenText : given;
  const wrapped = await call.vault.unsealed().wrapping.unwrap(id);
  return envelopeReply(200, wrapped.reply as Envelope, call.context.random);
}

/** The same reply under a fresh token, for a holder who fears that his was seen. */
async function rewrap({ open, data }: LogicalCall): Promise<LogicalReply> {
  const id = tokenField(data);
  if (id === "") throw invalidRequest('missing "token" value in input');
  const { reply, creationPath, ttlSeconds } = await open.wrapping.unwrap(id);
  const issued = await open.wrapping.wrap(reply, creationPath, ttlSeconds, false);
  return { kind: "data", data: null, wrapInfo: wrapInfo(issued) };
}

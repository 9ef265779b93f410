/**
 * Runs before the endpoints of response wrapping: checks the wrapping token whatever the method,
 * and before any other token. A failing token is not spent.
 */

import type { Context, Hono, Next } from "hono";
import { VaultError } from "../../../errors.ts";
import { notWrapping } from "../../../vault/wrapping.ts";
import { recordRefusal, startTrail } from "../../request/audited.ts";
import { type AppContext, Call } from "../../request/call.ts";
import type { LogicalCall, LogicalReply, Route } from "../../request/logical.ts";
import { refuseNamespace } from "../../request/namespaces.ts";
import { callOf } from "../../request/targets.ts";
import { refuse } from "../../request/refuse.ts";
import { type Envelope, envelopeReply } from "../../request/replies.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { readShape } from "../../request/request_shape.ts";
import { serveLogical } from "../../request/serve_logical.ts";

const GUARDED: readonly string[] = [
  "sys/wrapping/lookup",
  "sys/wrapping/rewrap",
  "sys/wrapping/unwrap",
];
/** Where Vault's wrapping tokens keep their reply, and its oldest clients fetch it. */
const KEPT_REPLY = "cubbyhole/response";

export function registerWrappingGuard(app: Hono, context: AppContext): void {
  for (const path of GUARDED) {
    app.use(`/v1/${path}`, async function judgeWrappingToken(c, next) {
      return await refusalOf(c, context, path) ?? await next();
    });
  }
  app.use(`/v1/${KEPT_REPLY}`, (c, next) => serveKeptReply(c, context, next));
}

/** The wrapping token of a request: the one in its data, or else its own. Throws `denied`. */
export function wrappingTokenOf(call: Call, data: JsonObject): string {
  const named = data["token"] ?? null;
  if (named === null) {
    if (call.tokenText === "") throw unreadable("token is empty");
    return call.tokenText;
  }
  if (typeof named !== "string") throw unreadable("could not decode token in request body");
  if (named === "") throw unreadable("empty token in request body");
  return named;
}

function unreadable(reason: string): VaultError {
  return new VaultError("denied", `error validating wrapping token: ${reason}`);
}

/** Null if the endpoint should answer, which includes refusing the request for other reasons. */
async function refusalOf(c: Context, context: AppContext, path: string): Promise<Response | null> {
  const { vault } = context;
  const { searchParams } = new URL(c.req.raw.url);
  const call = new Call(context, c.req.raw, path, searchParams, c.env);
  const shape = await readShape(call).catch(() => null);
  if (shape === null || shape.path !== path) return null;
  await vault.wake();
  if (vault.status().sealed) return null;
  const unsealed = vault.unsealed();
  const operation = shape.operation === "head" ? "read" : shape.operation;
  try {
    refuseNamespace(call);
    if (await unsealed.wrapping.holds(wrappingTokenOf(call, shape.data))) return null;
    throw notWrapping();
  } catch (error) {
    startTrail(call, unsealed, { ...shape, operation });
    return refuse(context, call, await recordRefusal(call, countedAnonymous(call, error)));
  } finally {
    call.trail?.end();
  }
}

/** Wrapping tokens share the rate limit of other tokens. */
function countedAnonymous(call: Call, error: unknown): unknown {
  try {
    call.countAnonymous();
    return error;
  } catch (tooMany) {
    return tooMany;
  }
}

async function serveKeptReply(
  c: Context,
  context: AppContext,
  next: Next,
): Promise<Response | void> {
  if (context.vault.status().sealed) return await next();
  const { tokenText } = callOf(c, context);
  if (!await context.vault.unsealed().wrapping.holds(tokenText)) return await next();
  return await serveLogical(c, context, (path) => {
    if (path === KEPT_REPLY) return c.req.method === "GET" ? READ_ROUTE : WRITE_ROUTE;
    throw new VaultError("unsupported_path", "unsupported path");
  });
}

/** The wrapping token itself allows it. */
const READ_ROUTE: Route = { rules: { token: "valid" }, serve: readKeptReply };

/** A reply exists at this path, and the token's policy does not let it be changed. */
const WRITE_ROUTE: Route = {
  rules: {},
  exists: async () => true,
  serve: async () => {
    throw new VaultError("unsupported_operation", "unsupported operation");
  },
};

const DEPRECATED =
  "Reading from 'cubbyhole/response' is deprecated. Please use sys/wrapping/unwrap to unwrap " +
  "responses, as it provides additional security checks and other benefits.";

/** Answers the reply as text, once. */
async function readKeptReply({ call, unsealed }: LogicalCall): Promise<LogicalReply> {
  const { reply } = await unsealed.wrapping.unwrap(call.tokenText);
  const { requestId } = call;
  const envelope = { ...reply as Envelope, requestId };
  const text = await envelopeReply(200, envelope, call.context.random).text();
  return { kind: "data", data: { response: text.trimEnd() }, warnings: [DEPRECATED] };
}

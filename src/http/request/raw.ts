/**
 * Serves Vault's raw handlers: init, unseal, seal-status, health, the legacy rekey family. They
 * answer bare objects, match body names in any case, refuse wrong types, and send 405 with no text.
 */

import type { Context, Hono } from "hono";
import { endSpentToken } from "./caller.ts";
import { recordOpening, recordRefusal, startHelpTrail, startRawTrail } from "./audited.ts";
import type { AppContext, Call } from "./call.ts";
import { refuseRestricted } from "./namespaces.ts";
import { callOf, decodePath } from "./targets.ts";
import { listingOf } from "./query.ts";
import type { RawAudit, RawEndpoint, RawMethods } from "./raw_endpoint.ts";
import { methodRefusal, refuse, refuseMethod } from "./refuse.ts";

export function registerRaw(
  app: Hono,
  context: AppContext,
  endpoints: readonly RawEndpoint[],
): void {
  for (const endpoint of endpoints) {
    const serve = (c: Context) => serveRaw(c, context, endpoint);
    app.all(`/v1/${endpoint.path}`, serve);
    if (endpoint.slashAlias === true) app.all(`/v1/${endpoint.path}/`, serve);
  }
}

async function serveRaw(c: Context, context: AppContext, endpoint: RawEndpoint): Promise<Response> {
  const call = callOf(c, context);
  const audit = endpoint.audit ?? (endpoint.whileSealed === true ? "none" : "whole");
  const mayOpen = audit === "opening" && context.vault.status().sealed;
  try {
    const response = await serveJudged(call, endpoint, audit);
    if (mayOpen && call.trail === null) await recordOpening(call, { response });
    return response;
  } catch (error) {
    if (mayOpen && call.trail === null) await recordOpening(call, { error });
    else if (audit !== "none") return refuse(context, call, await recordRefusal(call, error));
    return refuse(context, call, error);
  } finally {
    call.trail?.end();
    await endSpentToken(call);
  }
}

async function serveJudged(call: Call, endpoint: RawEndpoint, audit: RawAudit): Promise<Response> {
  const { vault } = call;
  decodePath(call.path);
  if (call.method === "GET") listingOf(call.query);
  if (call.wantsHelp) return await explainRaw(call, endpoint);
  refuseRestricted(call);
  await vault.wake();
  if (endpoint.whileSealed !== true) vault.unsealed();
  const method = call.method === "POST" ? "PUT" : call.method;
  const operation = endpoint.methods[method as keyof RawMethods];
  if (operation === undefined) {
    return audit === "none" ? methodRefusal(call) : await refuseMethod(call);
  }
  if (audit !== "none") {
    await startRawTrail(call, { answers: audit !== "request", mustAnswer: false });
  }
  if (endpoint.authorise !== undefined) await endpoint.authorise(call);
  else if (method === "PUT") call.countAnonymous();
  await call.trail?.begin(call.token === null ? null : { allowed: true });
  const response = await operation.serve(call);
  await call.trail?.answerBody(response);
  return response;
}

async function explainRaw(call: Call, endpoint: RawEndpoint): Promise<Response> {
  call.countAnonymous();
  const { rawHelpReply } = await call.context.help();
  await startHelpTrail(call);
  await call.trail?.begin(null);
  const reply = rawHelpReply(endpoint, call.context.options.version);
  await call.trail?.answer({});
  return reply;
}

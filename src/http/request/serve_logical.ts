/**
 * Serves Vault's logical requests: token, policy decision, operation, envelope. The steps are in
 * the order in which a client can observe them.
 */

import type { Context, Hono } from "hono";
import type { Acl, AclDecision, AclPath } from "../../access/policies/acl.ts";
import type { Operation } from "../../wire/operation.ts";
import {
  fieldWarnings,
  operationOf as servedOperation,
  parameter,
  type Parameters,
  storedParameters,
} from "../../wire/served_path.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { Vault } from "../../vault/vault.ts";
import { recordRefusal, startTrail } from "./audited.ts";
import { authenticate, denied, endSpentToken, identify } from "./caller.ts";
import type { AppContext, Call } from "./call.ts";
import type {
  EndpointRules,
  LogicalCall,
  LogicalEndpoint,
  LogicalReply,
  Route,
} from "./logical.ts";
import { withWarnings } from "../../wire/replies.ts";
import { findEndpoint, judgedEndpoint, takesSlash } from "./find_endpoint.ts";
import { refuseNamespace, refuseRestricted } from "./namespaces.ts";
import { callOf } from "./targets.ts";
import { refuse, refuseMethod } from "./refuse.ts";
import { emptyReply, envelopeReply, errorReply } from "./replies.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import { readShape, type RequestShape } from "./request_shape.ts";
import { wrapReply } from "./wrapping.ts";

/** Among endpoints whose templates begin alike, the first match serves a request. */
export function registerLogical(
  app: Hono,
  context: AppContext,
  endpoints: readonly LogicalEndpoint[],
): void {
  for (const [pattern, group] of Map.groupBy(endpoints, patternOf)) {
    const serve = (c: Context) =>
      serveLogical(c, context, (path) => routeAmong(context.vault, group, path));
    app.all(`/v1/${pattern}`, serve);
    if (!pattern.endsWith("*") && group.some(takesSlash)) app.all(`/v1/${pattern}/`, serve);
  }
}

/** The literal beginning of a template, in Hono's notation. */
function patternOf({ template }: LogicalEndpoint): string {
  const brace = template.indexOf("{");
  return brace === -1 ? template : `${template.slice(0, brace)}*`;
}

function routeAmong(
  vault: Vault,
  endpoints: readonly LogicalEndpoint[],
  path: string,
): Route {
  const found = findEndpoint(endpoints, path);
  if (found === null) throw new VaultError("unsupported_path", "unsupported path");
  const { served, parameters } = found;
  const { exists } = served;
  const stored = storedParameters(served, parameters, "update");
  return {
    rules: served,
    judged: (operation, data) =>
      served.judgedAs?.(operation, data) ??
        judgedEndpoint(vault.unsealed(), found, path, operation),
    serve: (request) => serveEndpoint(served, parameters, request),
    explain: async () => ({ asked: path, served }),
    ...(exists === undefined
      ? {}
      : { exists: () => exists(vault.unsealed(), (name) => parameter(stored, name)) }),
  };
}

async function serveEndpoint(
  endpoint: LogicalEndpoint,
  parameters: Parameters,
  request: LogicalCall,
): Promise<LogicalReply> {
  refuseMissingList(request, endpoint);
  const wanted = servedOperation(endpoint, request.operation);
  const stored = storedParameters(endpoint, parameters, request.operation);
  const call = {
    ...request,
    parameter: (name: string) => parameter(stored, name),
    written: (name: string) => parameter(parameters, name),
  };
  const reply = await wanted.serve(call, request.data);
  return withWarnings(reply, fieldWarnings(endpoint, request.data), request.operation);
}

/** A list adds a slash to the path, and few paths end in one. */
function refuseMissingList(
  { operation, path }: LogicalCall,
  { template, operations }: LogicalEndpoint,
): void {
  if (operation !== "list" || operations.list !== undefined) return;
  if (path.endsWith("/") && !template.endsWith("}")) {
    throw new VaultError("unsupported_path", "unsupported path");
  }
}

/** Serves one request. `route` finds what serves the path, or throws. */
export async function serveLogical(
  c: Context,
  context: AppContext,
  route: (path: string) => Route,
): Promise<Response> {
  const call = callOf(c, context);
  try {
    const shape = await readShape(call);
    if (shape === null) return await refuseMethod(call);
    refuseRestricted(call);
    await context.vault.wake();
    const unsealed = context.vault.unsealed();
    return await serveShape(call, unsealed, shape, attempt(() => route(shape.path)));
  } catch (error) {
    return refuse(context, call, await recordRefusal(call, error));
  } finally {
    call.trail?.end();
    await endSpentToken(call);
  }
}

async function serveShape(
  call: Call,
  unsealed: UnsealedVault,
  { operation, path, data, wrapTtlSeconds }: RequestShape,
  route: Route | VaultError,
): Promise<Response> {
  const asked = operation === "head" ? "read" : operation;
  startTrail(call, unsealed, { path, operation: call.wantsHelp ? "help" : asked, data });
  refuseNamespace(call);
  refuseFolderWrite(path, asked, route);
  const request = { call, unsealed, path, operation: asked, data, wrapTtlSeconds };
  if (!(route instanceof VaultError) && route.rules.token !== undefined) {
    return await serveUnjudged(request, route, route.rules.token);
  }
  const { token } = await authenticate(call, unsealed);
  if (call.wantsHelp) return await explain(call, route);
  const acl = await unsealed.policies.acl(token.policies, token.entityId);
  if (operation === "head") throw refuseHead(acl, route);
  return await serveAuthorised({ ...request, acl }, route);
}

/** Any valid token may ask for help, whatever its policies. */
async function explain(call: Call, route: Route | VaultError): Promise<Response> {
  if (route instanceof VaultError) throw route;
  const explained = await route.explain?.() ?? null;
  if (explained === null) throw new VaultError("unsupported_path", "unsupported path");
  const { helpReply } = await call.context.help();
  await call.trail?.begin(null);
  const reply = helpReply(explained.asked, explained.served, call.context.options.version);
  await call.trail?.answer({});
  return reply;
}

/** No policy can grant HEAD, and no path serves it. */
function refuseHead(acl: Acl, route: Route | VaultError): VaultError {
  if (!acl.isRoot) return denied();
  if (route instanceof VaultError) return route;
  return new VaultError("unsupported_operation", "unsupported operation");
}

/** Serves a route that policies do not judge. */
async function serveUnjudged(
  request: Omit<LogicalCall, "acl" | "hasSudo">,
  route: Route,
  rule: NonNullable<EndpointRules["token"]>,
): Promise<Response> {
  const { call, unsealed } = request;
  call.answersBare = true;
  if (rule === "valid" || (rule === "optional" && call.tokenText !== "")) {
    await identify(call, unsealed);
  } else call.countAnonymous();
  if (call.wantsHelp) return await explain(call, route);
  const token = call.token?.token;
  const acl = await unsealed.policies.acl(token?.policies ?? [], token?.entityId);
  return await serveRoute({ ...request, acl, hasSudo: false }, route, null);
}

async function serveAuthorised(
  request: Omit<LogicalCall, "hasSudo">,
  route: Route | VaultError,
): Promise<Response> {
  const { acl, call, path, data, wrapTtlSeconds } = request;
  const scope = call.token?.token.scope ?? "";
  const operation = await decideCreate(request.operation, path, route, scope);
  const needsSudo = route instanceof VaultError ? false : route.rules.sudo === true;
  const judged = await judgedBy(route, path, operation, data);
  const allows = (wanted: Operation) =>
    acl.allows({ ...judged, operation: wanted, data, needsSudo, wrapTtlSeconds });
  const asAsked = allows(operation);
  const mayCreate = operation === "update" && !(route instanceof VaultError) &&
    route.rules.createSuffices === true;
  const decision = !asAsked.allowed && mayCreate ? allows("create") : asAsked;
  if (!decision.allowed) throw denied();
  if (route instanceof VaultError) throw route;
  return await serveRoute({ ...request, operation, hasSudo: decision.sudo }, route, decision);
}

/** An unserved path is judged as written. */
async function judgedBy(
  route: Route | VaultError,
  path: string,
  operation: Operation,
  data: JsonObject,
): Promise<AclPath> {
  if (route instanceof VaultError || route.judged === undefined) return { path };
  return await route.judged(operation, data);
}

/** `decision` is null for a route that policies do not judge. */
async function serveRoute(
  request: LogicalCall,
  route: Route,
  decision: AclDecision | null,
): Promise<Response> {
  const { call, operation, wrapTtlSeconds } = request;
  await call.trail?.begin(decision, operation);
  const reply = await route.serve(request);
  const isWrapped = reply.kind === "data" && (reply.wrapInfo ?? null) !== null;
  if (
    wrapTtlSeconds !== null && reply.kind === "data" && (reply.status ?? 200) < 300 && !isWrapped
  ) {
    const { kind: _kind, status: _status, ...envelope } = reply;
    const sealWrap = route.sealWrap === true;
    const response = await wrapReply(request, envelope, wrapTtlSeconds, sealWrap);
    await call.trail?.answerBody(response);
    return response;
  }
  await call.trail?.answer(reply.kind === "data" ? reply : {});
  switch (reply.kind) {
    case "done":
      return emptyReply(204);
    case "missing":
      return reply.withoutBody === true ? emptyReply(404) : errorReply(404, []);
    case "data": {
      const copiesData = route.rules.copiesData === true;
      // A wrapped answer gets its id when it is unwrapped.
      const requestId = isWrapped ? "" : call.requestId;
      const envelope = { copiesData, ...reply, requestId };
      return envelopeReply(reply.status ?? 200, envelope, call.context.random);
    }
  }
}

/** A missing route is kept as an error, so that only callers who may use the path learn of it. */
function attempt(find: () => Route): Route | VaultError {
  try {
    return find();
  } catch (error) {
    if (error instanceof VaultError) return error;
    throw error;
  }
}

async function decideCreate(
  operation: Operation,
  path: string,
  route: Route | VaultError,
  tokenScope: string,
): Promise<Operation> {
  if (operation !== "update" || route instanceof VaultError || route.exists === undefined) {
    return operation;
  }
  return await route.exists(path, tokenScope) ? "update" : "create";
}

/** Judges the path as sent, before any token. */
function refuseFolderWrite(path: string, operation: Operation, route: Route | VaultError): void {
  if (!path.endsWith("/") || (operation !== "update" && operation !== "patch")) return;
  if (!(route instanceof VaultError) && route.rules.slashAlias === true) return;
  throw invalidRequest("cannot write to a path ending in '/'");
}

/**
 * Vault's logical requests: a token, a policy decision, an operation, the envelope. The steps are in
 * the order in which a client can observe them.
 */

import type { Context, Hono } from "hono";
import type { Acl, AclDecision } from "../access/acl.ts";
import type { Operation } from "../engines/engine.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import { recordRefusal, startTrail } from "./audit_trail.ts";
import { admitStranger, authenticate, denied, endSpentToken } from "./auth.ts";
import type { AppContext, Call } from "./call.ts";
import { callOf, decodePath } from "./paths.ts";
import { parameters } from "./json.ts";
import { refusePatchType } from "./media_type.ts";
import { refuse } from "./raw.ts";
import {
  emptyReply,
  type Envelope,
  envelopeReply,
  errorReply,
  type JsonObject,
} from "./replies.ts";
import { wrapReply, wrapTtlSeconds } from "./wrapping.ts";

/** A request whose token is valid; handlers run only after the policies allowed it. */
export interface LogicalCall {
  readonly call: Call;
  readonly open: OpenVault;
  readonly path: string;
  readonly operation: Operation;
  readonly data: JsonObject;
  readonly acl: Acl;
  /** The deciding pattern grants `sudo`, or the token is root. */
  readonly hasSudo: boolean;
}

export type LogicalReply =
  | { readonly kind: "done" }
  | ({ readonly kind: "data"; readonly status?: number } & Envelope)
  | { readonly kind: "missing" };

export type LogicalHandler = (request: LogicalCall) => Promise<LogicalReply>;
export type Operations = Partial<Readonly<Record<Operation, LogicalHandler>>>;

export interface LogicalEndpoint {
  /** Below `/v1/`; a last segment `*` stands for anything that is not empty. */
  readonly path: string;
  readonly operations: Operations;
  /** Policies must grant `sudo` besides the operation's own capability. */
  readonly sudo?: boolean;
  /** Repeats `data` at the top level, as Vault does for its oldest paths. */
  readonly copiesData?: boolean;
  /** D15: the same path with a trailing slash means the same. */
  readonly slashAlias?: boolean;
  /** Restricted to the root namespace. */
  readonly rootNamespaceOnly?: boolean;
  /** A write is allowed by `create` as well as by `update`. */
  readonly createSuffices?: boolean;
  /** `optional`: answered to who sends none; `ignored`: to everybody alike. Left out: needed. */
  readonly token?: "optional" | "ignored";
}

/** What serves a path: found after the token, so that nobody without one learns what exists. */
export interface Route {
  readonly endpoint: LogicalEndpoint;
  /** What it answers is seal-wrapped where it is stored. */
  readonly sealWrap?: boolean;
  /** Distinguishes `create` from `update` where the engine can tell. */
  readonly exists?: (path: string, tokenScope: string) => Promise<boolean>;
}

export function registerLogical(app: Hono, context: AppContext, endpoint: LogicalEndpoint): void {
  const serve = (c: Context) => serveLogical(c, context, () => ({ endpoint }));
  app.all(`/v1/${endpoint.path}`, serve);
  if (endpoint.slashAlias === true) app.all(`/v1/${endpoint.path}/`, serve);
}

/** Serves one request; `route` says what is there, or throws. */
export async function serveLogical(
  c: Context,
  context: AppContext,
  route: (path: string, operation: Operation) => Route,
): Promise<Response> {
  const call = callOf(c, context);
  try {
    await context.vault.wake();
    const open = context.vault.unsealed();
    const operation = operationOf(call);
    if (operation === null) {
      return call.method === "HEAD" ? emptyReply(405) : errorReply(405, []);
    }
    const data = await dataOf(call, operation);
    const path = pathOf(call, operation);
    const found = () => route(path, operation);
    startTrail(call, open, { path, operation, data });
    refuseNamespace(call, found);
    refuseFolderWrite(call, path, operation, found);
    const anonymous = anonymousRoute(call, found);
    const token = anonymous === null ? await authenticate(call, open) : null;
    const acl = await open.policies.acl(token?.token.policies ?? []);
    if (anonymous !== null) {
      admitStranger(call);
      const request = { call, open, path, operation, data, acl, hasSudo: false };
      return await serveRoute(request, anonymous, null);
    }
    return await serveAuthorised(call, { call, open, path, operation, data, acl }, found);
  } catch (error) {
    return refuse(context, call, await recordRefusal(call, error));
  } finally {
    await endSpentToken(call);
  }
}

/** The route that needs no token of this request; null where it needs one, or is none. */
function anonymousRoute(call: Call, found: () => Route): Route | null {
  const route = attempt(found);
  if (route instanceof VaultError) return null;
  const { token } = route.endpoint;
  const needsNone = token === "ignored" || (token === "optional" && call.tokenText === "");
  return needsNone ? route : null;
}

async function serveAuthorised(
  call: Call,
  request: Omit<LogicalCall, "hasSudo">,
  found: () => Route,
): Promise<Response> {
  const { acl, path, data } = request;
  const route = attempt(found);
  const scope = call.token?.token.scope ?? "";
  const operation = await decideCreate(request.operation, path, route, scope);
  const needsSudo = route instanceof VaultError ? false : route.endpoint.sudo === true;
  const wrapTtl = wrapTtlSeconds(call);
  const allows = (wanted: Operation) =>
    acl.allows({ operation: wanted, path, data, needsSudo, wrapTtlSeconds: wrapTtl });
  const asAsked = allows(operation);
  const mayCreate = operation === "update" && !(route instanceof VaultError) &&
    route.endpoint.createSuffices === true;
  const decision = !asAsked.allowed && mayCreate ? allows("create") : asAsked;
  if (!decision.allowed) throw denied();
  if (route instanceof VaultError) throw route;
  return await serveRoute({ ...request, operation, hasSudo: decision.sudo }, route, decision);
}

/** `decision`: of the policies; null where they have no say. */
async function serveRoute(
  request: LogicalCall,
  route: Route,
  decision: AclDecision | null,
): Promise<Response> {
  const { call, operation, path } = request;
  const wrapTtl = wrapTtlSeconds(call);
  const handler = route.endpoint.operations[operation] ??
    (operation === "create" ? route.endpoint.operations.update : undefined);
  if (handler === undefined) throw missingOperation(operation, path, route.endpoint);
  await call.trail?.begin(decision, operation);
  const reply = await handler(request);
  if (wrapTtl !== null && reply.kind === "data" && (reply.status ?? 200) === 200) {
    const { kind: _kind, status: _status, ...envelope } = reply;
    const response = await wrapReply(request, envelope, wrapTtl, route.sealWrap === true);
    await call.trail?.answerBody(response);
    return response;
  }
  await call.trail?.answer(reply.kind === "data" ? reply : {});
  switch (reply.kind) {
    case "done":
      return emptyReply(204);
    case "missing":
      return errorReply(404, []);
    case "data": {
      const copiesData = route.endpoint.copiesData === true;
      const { requestId } = call;
      const envelope = { copiesData, ...reply, requestId };
      return envelopeReply(reply.status ?? 200, envelope, call.context.random);
    }
  }
}

/** A route that does not exist is reported only to who might use it. */
function attempt(found: () => Route): Route | VaultError {
  try {
    return found();
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

/** A list appends a slash to the path, and few paths end in one. */
function missingOperation(
  operation: Operation,
  path: string,
  endpoint: LogicalEndpoint,
): VaultError {
  const covered = endpoint.path.endsWith("*");
  return operation === "list" && path.endsWith("/") && !covered
    ? new VaultError("unsupported_path", "unsupported path")
    : new VaultError("unsupported_operation", "unsupported operation");
}

function operationOf(call: Call): Operation | null {
  switch (call.method) {
    case "GET":
      return call.wantsList ? "list" : "read";
    case "LIST":
      return "list";
    case "PUT":
    case "POST":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return "delete";
    default:
      return null;
  }
}

async function dataOf(call: Call, operation: Operation): Promise<JsonObject> {
  switch (operation) {
    case "patch":
      refusePatchType(call.request);
      return await call.jsonBody();
    case "update":
    case "create":
      return await call.body();
    default:
      return parameters(call.query);
  }
}

function pathOf(call: Call, operation: Operation): string {
  const path = decodePath(call.path);
  return operation === "list" && !path.endsWith("/") ? `${path}/` : path;
}

function refuseFolderWrite(
  call: Call,
  path: string,
  operation: Operation,
  found: () => Route,
): void {
  if (operation !== "update" || !path.endsWith("/")) return;
  const route = attempt(found);
  if (!(route instanceof VaultError) && route.endpoint.slashAlias === true) return;
  if (call.method === "PATCH") return;
  throw invalidRequest("cannot write to a path ending in '/'");
}

/** Namespaces do not exist here; the root one has two names. */
function refuseNamespace(call: Call, found: () => Route): void {
  const header = call.namespace;
  if (header === null || header === "") return;
  const route = attempt(found);
  if (!(route instanceof VaultError) && route.endpoint.rootNamespaceOnly === true) {
    throw invalidRequest("operation unavailable in namespaces");
  }
  const namespace = header.replaceAll("/", "");
  if (namespace !== "" && namespace !== "root") {
    throw new VaultError("not_found", "namespace not found");
  }
}

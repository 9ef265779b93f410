/**
 * Vault's logical requests: a token, a policy decision, an operation, the envelope. The steps are in
 * the order in which a client can observe them.
 */

import type { Context, Hono } from "hono";
import type { Acl, AclDecision } from "../access/acl.ts";
import type { Operation } from "../engines/engine.ts";
import type { FieldEntries, Sent } from "../engines/fields.ts";
import {
  fieldWarnings,
  findPath,
  operation,
  type OperationNotes,
  operationOf as servedOperation,
  parameter,
  type Parameters,
  type ServedOperation,
  type ServedOperations,
  type ServedPath,
  servedPath,
} from "../engines/served_path.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import { recordRefusal, startTrail } from "./audit_trail.ts";
import { admitStranger, authenticate, denied, endSpentToken, identify } from "./auth.ts";
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

/** Words of a query that are no parameters; only GET turns into a list by one of them. */
const QUERY_WORDS: readonly string[] = ["help", "list"];

export type LogicalReply =
  | { readonly kind: "done" }
  | ({ readonly kind: "data"; readonly status?: number } & Envelope)
  | { readonly kind: "missing" };

/** What holds for an endpoint besides its operations. */
export interface EndpointRules {
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
  /**
   * Left out: needed, and its policies decide. `valid`: needed, whatever its policies, and no use of
   * it is counted; `optional`: the same, or none; `ignored`: not looked at.
   */
  readonly token?: "valid" | "optional" | "ignored";
}

/** An endpoint of the system; its template is below `/v1/`. */
export interface LogicalEndpoint extends ServedPath<EndpointCall, LogicalReply>, EndpointRules {}

/** A request on an endpoint of the system. */
export interface EndpointCall extends LogicalCall {
  /** A part of the path, by its name in the template. */
  readonly parameter: (name: string) => string;
}

export function logicalOperation<Entries extends FieldEntries = Record<never, never>>(
  notes: OperationNotes<Entries>,
  handle: (request: EndpointCall, sent: Sent<Entries>) => Promise<LogicalReply>,
): ServedOperation<EndpointCall, LogicalReply> {
  return operation(notes, handle);
}

export function logicalEndpoint(
  template: string,
  operations: ServedOperations<EndpointCall, LogicalReply>,
  rules: EndpointRules = {},
): LogicalEndpoint {
  return { ...servedPath(template, operations), ...rules };
}

/** What serves a path: found after the token, so that nobody without one learns what exists. */
export interface Route {
  readonly rules: EndpointRules;
  readonly serve: (request: LogicalCall) => Promise<LogicalReply>;
  /** What it answers is seal-wrapped where it is stored. */
  readonly sealWrap?: boolean;
  /** Distinguishes `create` from `update` where the engine can tell. */
  readonly exists?: (path: string, tokenScope: string) => Promise<boolean>;
}

/** Of endpoints whose templates share their beginning the first that matches serves a request. */
export function registerLogical(
  app: Hono,
  context: AppContext,
  endpoints: readonly LogicalEndpoint[],
): void {
  for (const [pattern, group] of Map.groupBy(endpoints, patternOf)) {
    const serve = (c: Context) => serveLogical(c, context, (path) => routeAmong(group, path));
    app.all(`/v1/${pattern}`, serve);
    if (!pattern.endsWith("*") && group.some(takesSlash)) app.all(`/v1/${pattern}/`, serve);
  }
}

/** The literal beginning of a template, as Hono writes it. */
function patternOf({ template }: LogicalEndpoint): string {
  const brace = template.indexOf("{");
  return brace === -1 ? template : `${template.slice(0, brace)}*`;
}

function takesSlash({ slashAlias, operations }: LogicalEndpoint): boolean {
  return slashAlias === true || operations.list !== undefined;
}

function routeAmong(endpoints: readonly LogicalEndpoint[], path: string): Route {
  const found = findPath(endpoints, path) ??
    findPath(endpoints.filter(takesSlash), path.replace(/\/$/, ""));
  if (found === null) throw new VaultError("unsupported_path", "unsupported path");
  const { served, parameters } = found;
  return { rules: served, serve: (request) => serveEndpoint(served, parameters, request) };
}

async function serveEndpoint(
  endpoint: LogicalEndpoint,
  parameters: Parameters,
  request: LogicalCall,
): Promise<LogicalReply> {
  refuseMissingList(request, endpoint);
  const wanted = servedOperation(endpoint, request.operation);
  const call = { ...request, parameter: (name: string) => parameter(parameters, name) };
  return withWarnings(
    await wanted.serve(call, request.data),
    fieldWarnings(endpoint, request.data),
  );
}

/** A list appends a slash to the path, and few paths end in one. */
function refuseMissingList(
  { operation, path }: LogicalCall,
  { template, operations }: LogicalEndpoint,
): void {
  if (operation !== "list" || operations.list !== undefined) return;
  if (path.endsWith("/") && !template.endsWith("}")) {
    throw new VaultError("unsupported_path", "unsupported path");
  }
}

/** What has no content says nothing of its fields either, as in the reference. */
export function withWarnings(reply: LogicalReply, warnings: readonly string[]): LogicalReply {
  if (warnings.length === 0 || reply.kind !== "data") return reply;
  return { ...reply, warnings: [...reply.warnings ?? [], ...warnings] };
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
    const found = attempt(() => route(path, operation));
    startTrail(call, open, { path, operation, data });
    refuseNamespace(call, found);
    refuseFolderWrite(path, operation, found);
    const request = { call, open, path, operation, data };
    if (!(found instanceof VaultError) && found.rules.token !== undefined) {
      return await serveUnjudged(request, found, found.rules.token);
    }
    const { token } = await authenticate(call, open);
    const acl = await open.policies.acl(token.policies);
    return await serveAuthorised(call, { ...request, acl }, found);
  } catch (error) {
    return refuse(context, call, await recordRefusal(call, error));
  } finally {
    await endSpentToken(call);
  }
}

/** Serves what policies have no say in. */
async function serveUnjudged(
  request: Omit<LogicalCall, "acl" | "hasSudo">,
  route: Route,
  token: NonNullable<EndpointRules["token"]>,
): Promise<Response> {
  const { call, open } = request;
  if (token === "valid" || (token === "optional" && call.tokenText !== "")) {
    await identify(call, open);
  } else admitStranger(call);
  const acl = await open.policies.acl(call.token?.token.policies ?? []);
  return await serveRoute({ ...request, acl, hasSudo: false }, route, null);
}

async function serveAuthorised(
  call: Call,
  request: Omit<LogicalCall, "hasSudo">,
  route: Route | VaultError,
): Promise<Response> {
  const { acl, path, data } = request;
  const scope = call.token?.token.scope ?? "";
  const operation = await decideCreate(request.operation, path, route, scope);
  const needsSudo = route instanceof VaultError ? false : route.rules.sudo === true;
  const wrapTtl = wrapTtlSeconds(call);
  const allows = (wanted: Operation) =>
    acl.allows({ operation: wanted, path, data, needsSudo, wrapTtlSeconds: wrapTtl });
  const asAsked = allows(operation);
  const mayCreate = operation === "update" && !(route instanceof VaultError) &&
    route.rules.createSuffices === true;
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
  const { call, operation } = request;
  const wrapTtl = wrapTtlSeconds(call);
  await call.trail?.begin(decision, operation);
  const reply = await route.serve(request);
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
      const copiesData = route.rules.copiesData === true;
      const { requestId } = call;
      const envelope = { copiesData, ...reply, requestId };
      return envelopeReply(reply.status ?? 200, envelope, call.context.random);
    }
  }
}

/** A route that does not exist is reported only to who might use it. */
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
      return parameters(call.query, call.method === "GET" ? QUERY_WORDS : QUERY_WORDS.slice(0, 1));
  }
}

function pathOf(call: Call, operation: Operation): string {
  const path = decodePath(call.path);
  return operation === "list" && !path.endsWith("/") ? `${path}/` : path;
}

function refuseFolderWrite(path: string, operation: Operation, route: Route | VaultError): void {
  if (operation !== "update" || !path.endsWith("/")) return;
  if (!(route instanceof VaultError) && route.rules.slashAlias === true) return;
  throw invalidRequest("cannot write to a path ending in '/'");
}

/** Namespaces do not exist here; the root one has two names. */
function refuseNamespace(call: Call, route: Route | VaultError): void {
  const header = call.namespace;
  if (header === null || header === "") return;
  if (!(route instanceof VaultError) && route.rules.rootNamespaceOnly === true) {
    throw invalidRequest("operation unavailable in namespaces");
  }
  const namespace = header.replaceAll("/", "");
  if (namespace !== "" && namespace !== "root") {
    throw new VaultError("not_found", "namespace not found");
  }
}

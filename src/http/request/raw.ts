/**
 * Vault's raw handlers: init, unseal, seal-status, health, the legacy rekey family. They answer bare
 * objects, match body names in any case, refuse wrong types, and answer 405 without a text.
 */

import type { Context, Hono } from "hono";
import * as v from "valibot";
import { causeOf, invalidRequest, VaultError } from "../../errors.ts";
import { endSpentToken } from "./caller.ts";
import { recordOpening, recordRefusal, startHelpTrail, startRawTrail } from "./audited.ts";
import { answerError, isFault } from "./errors.ts";
import type { FieldEntries, FieldsSchema, Sent } from "../../wire/fields.ts";
import { written } from "../../wire/written_form.ts";
import type { AppContext, Call } from "./call.ts";
import { refuseRestricted } from "./namespaces.ts";
import { callOf, decodePath, RELATIVE_REFUSED } from "./targets.ts";
import { listingOf } from "./query.ts";
import { emptyReply, errorReply } from "./replies.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/** What a raw operation is for, takes and answers, as data for the handler and for OpenAPI. */
interface RawNotes<Entries extends FieldEntries> {
  /** One sentence without a period. */
  readonly summary: string;
  /** Fields of the body. Left out: it is not looked at. */
  readonly fields?: Entries;
  /** The body of a success; null: no content. */
  readonly answer: v.GenericSchema | null;
  /** Statuses besides 200 that come with the same body. */
  readonly statuses?: readonly number[];
}

export interface RawOperation {
  readonly summary: string;
  readonly schema: FieldsSchema;
  readonly answer: v.GenericSchema | null;
  readonly statuses: readonly number[];
  readonly serve: (call: Call) => Promise<Response>;
}

/** The handler decides when the body is read: a raw endpoint checks other things before. */
export function rawOperation<Entries extends FieldEntries = Record<never, never>>(
  notes: RawNotes<Entries>,
  handle: (call: Call, body: () => Promise<Sent<Entries>>) => Promise<Response>,
): RawOperation {
  const { summary, fields, answer, statuses = [] } = notes;
  const schema = v.object((fields ?? {}) as Entries);
  const serve = (call: Call) => handle(call, () => readRawBody(call, schema));
  return { summary, schema, answer, statuses, serve };
}

/** Operations by method; POST follows PUT. `HEAD` only where it is listed. */
export interface RawMethods {
  readonly GET?: RawOperation;
  readonly PUT?: RawOperation;
  readonly DELETE?: RawOperation;
  readonly PATCH?: RawOperation;
  readonly HEAD?: RawOperation;
}

type RawAudit = "whole" | "request" | "opening" | "none";

export interface RawEndpoint {
  /** Below `/v1/`. */
  readonly path: string;
  readonly methods: RawMethods;
  /** D15: the same path with a trailing slash means the same. */
  readonly slashAlias?: boolean;
  /** Whether a sealed vault answers too. */
  readonly whileSealed?: boolean;
  /**
   * Which lines it has while the vault is unsealed. `request`: the first alone; `opening`: both, and
   * afterwards where it has unsealed the vault itself. Left out: `whole`, but `none` where a sealed
   * vault answers too.
   */
  readonly audit?: RawAudit;
  /** Checked after the method and before the handler; throws to refuse. */
  readonly authorise?: (call: Call) => Promise<void>;
}

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
  else if (method === "PUT") call.countStranger();
  await call.trail?.begin(call.token === null ? null : { allowed: true });
  const response = await operation.serve(call);
  await call.trail?.answerBody(response);
  return response;
}

async function explainRaw(call: Call, endpoint: RawEndpoint): Promise<Response> {
  call.countStranger();
  const { rawHelpReply } = await import("../describe/help.ts");
  await startHelpTrail(call);
  await call.trail?.begin(null);
  const reply = rawHelpReply(endpoint, call.context.options.version);
  await call.trail?.answer({});
  return reply;
}

/** The answer to a method that a path does not have. */
export async function refuseMethod(call: Call): Promise<Response> {
  const missing = new VaultError("unsupported_operation", "unsupported operation");
  const error = await recordRefusal(call, missing);
  return error === missing ? methodRefusal(call) : refuse(call.context, call, error);
}

function methodRefusal({ method }: Call): Response {
  return method === "HEAD" ? emptyReply(405) : errorReply(405, []);
}

/** The answer to a path that is no path of the API. */
export async function refusePath(call: Call): Promise<Response> {
  try {
    const error = await recordRefusal(call, invalidRequest(RELATIVE_REFUSED));
    return refuse(call.context, call, error);
  } finally {
    call.trail?.end();
  }
}

/** The answer to what a handler threw; faults are logged, the caller's mistakes are not. */
export function refuse(context: AppContext, call: Call, error: unknown): Response {
  if (isFault(error)) {
    context.log.error("request failed", {
      method: call.method,
      path: call.path,
      reason: causeOf(error),
    });
  }
  const { status, errors } = answerError(error, call.answersBare);
  return call.method === "HEAD" ? emptyReply(status) : errorReply(status, errors);
}

const int = v.pipe(v.number(), v.safeInteger());

/** A number of an answer. */
export const count = (about: string) => v.pipe(v.number(), v.integer(), v.description(about));

/** Go's zero values: a field that is missing or null. `about` says what the field is for. */
export const goInteger = (about: string) => v.nullish(v.pipe(int, written(about, "integer")), 0);
export const goBoolean = (about: string) =>
  v.nullish(v.pipe(v.boolean(), written(about, "boolean")), false);
export const goText = (about: string) => v.nullish(v.pipe(v.string(), written(about, "text")), "");
/** A list; null where none was sent. */
export const goTexts = (about: string) =>
  v.nullish(v.pipe(v.array(v.nullish(v.string(), "")), written(about, "texts")), null);

/** Reads a raw handler's body. Unknown names are ignored; a wrong type is the caller's mistake. */
async function readRawBody<Entries extends FieldEntries>(
  call: Call,
  schema: FieldsSchema<Entries>,
): Promise<Sent<Entries>> {
  const names = new Map(Object.keys(schema.entries).map((name) => [name.toLowerCase(), name]));
  const body: JsonObject = await call.jsonBody();
  const folded = Object.entries(body).flatMap(([name, value]) => {
    const known = names.get(name.toLowerCase());
    return known === undefined ? [] : [[known, value] as const];
  });
  const parsed = v.safeParse(schema, Object.fromEntries(folded));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? "body";
  const wanted = issue.expected ?? "another value";
  throw invalidRequest(`failed to decode JSON input: cannot read field ${field}: wanted ${wanted}`);
}

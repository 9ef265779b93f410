/**
 * Vault's raw handlers as tables: init, unseal, seal-status, health, the legacy rekey family. They
 * answer bare objects and match body names in any case. `raw.ts` serves them.
 */

import * as v from "valibot";
import type { FieldEntries, FieldsSchema, Sent } from "../../wire/fields.ts";
import type { Call } from "./call.ts";
import { written } from "../../wire/written_form.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import { invalidRequest } from "../../errors.ts";

/** A raw operation's purpose, fields and answer, as data for the handler and for OpenAPI. */
interface RawNotes<Entries extends FieldEntries> {
  /** One sentence without a period. */
  readonly summary: string;
  /** Fields of the body. Omit if the body is not read. */
  readonly fields?: Entries;
  /** The body of a success; null if there is none. */
  readonly answer: v.GenericSchema | null;
  /** Statuses besides 200 that have the same body. */
  readonly statuses?: readonly number[];
}

export interface RawOperation {
  readonly summary: string;
  readonly schema: FieldsSchema;
  readonly answer: v.GenericSchema | null;
  readonly statuses: readonly number[];
  readonly serve: (call: Call) => Promise<Response>;
}

/** The handler decides when to read the body: raw endpoints check other things first. */
export function rawOperation<Entries extends FieldEntries = Record<never, never>>(
  notes: RawNotes<Entries>,
  handle: (call: Call, body: () => Promise<Sent<Entries>>) => Promise<Response>,
): RawOperation {
  const { summary, fields, answer, statuses = [] } = notes;
  const schema = v.object((fields ?? {}) as Entries);
  const serve = (call: Call) => handle(call, () => readRawBody(call, schema));
  return { summary, schema, answer, statuses, serve };
}

/** Operations by method. POST is served as PUT, HEAD only if listed. */
export interface RawMethods {
  readonly GET?: RawOperation;
  readonly PUT?: RawOperation;
  readonly DELETE?: RawOperation;
  readonly PATCH?: RawOperation;
  readonly HEAD?: RawOperation;
}

export type RawAudit = "whole" | "request" | "opening" | "none";

export interface RawEndpoint {
  /** Below `/v1/`. */
  readonly path: string;
  readonly methods: RawMethods;
  /** D15: a trailing slash on the path changes nothing. */
  readonly slashAlias?: boolean;
  /** A sealed vault answers too. */
  readonly whileSealed?: boolean;
  /**
   * The lines written while the vault is unsealed. `request`: only the first. `opening`: both,
   * written afterwards if the request itself unsealed the vault. Defaults to `whole`, or to `none`
   * if a sealed vault answers too.
   */
  readonly audit?: RawAudit;
  /** Runs after the method check and before the handler. Throws to refuse. */
  readonly authorise?: (call: Call) => Promise<void>;
}

const int = v.pipe(v.number(), v.safeInteger());

/** A number in an answer. */
export const count = (about: string) => v.pipe(v.number(), v.integer(), v.description(about));

/** A missing or null field has Go's zero value. `about` describes the field. */
export const goInteger = (about: string) => v.nullish(v.pipe(int, written(about, "integer")), 0);

export const goBoolean = (about: string) =>
  v.nullish(v.pipe(v.boolean(), written(about, "boolean")), false);

export const goText = (about: string) => v.nullish(v.pipe(v.string(), written(about, "text")), "");

/** A list; null if absent. */
export const goTexts = (about: string) =>
  v.nullish(v.pipe(v.array(v.nullish(v.string(), "")), written(about, "texts")), null);

/** Reads a raw handler's body. Ignores unknown names. Throws `invalid_request` for a wrong type. */
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

/**
 * Paths below a mount, or of the system itself, with their operations, as data. One table finds the
 * handler of a request, checks its fields, and is shown to clients as OpenAPI. Pure.
 */

import * as v from "valibot";
import { VaultError } from "../errors.ts";
import type { Operation } from "./operation.ts";
import {
  type FieldEntries,
  type FieldsSchema,
  readFields,
  type Sent,
  VALIDATION_FAILED,
} from "./fields.ts";
import type { JsonObject } from "./json_value.ts";
import type { NameSpelling } from "./spelling.ts";

/**
 * What a success looks like. `nothing`: no content. `data`, `auth`, `wrapping`: that member of the
 * envelope. `accepted`: an envelope with 202. `queued`: no content, with 202. `keys`: a list of
 * names in `data.keys`. `document`: a body in a format of its own.
 */
export type Answer =
  | "nothing"
  | "data"
  | "keys"
  | "auth"
  | "wrapping"
  | "accepted"
  | "queued"
  | "document";

/** What an operation is for, takes and returns. */
export interface OperationNotes<Entries extends FieldEntries> {
  /** One sentence without a period. */
  readonly summary: string;
  /** The body of a write, or the query of a read. Omit to read nothing. */
  readonly fields?: Entries;
  /** Required fields. */
  readonly needs?: readonly (keyof Entries & string)[];
  /** Also takes any other field, as part of the value it stores. */
  readonly takesAnything?: boolean;
  /** The schema of the reply's `data`. Omit to leave it undescribed. */
  readonly data?: v.GenericSchema;
  /** Defaults to what is usual for the operation. */
  readonly answers?: readonly Answer[];
}

export interface ServedOperation<Context, Reply> {
  readonly summary: string;
  readonly schema: FieldsSchema;
  readonly needs: readonly string[];
  readonly takesAnything: boolean;
  readonly answers: readonly Answer[] | null;
  readonly data: v.GenericSchema | null;
  /** Throws `invalid_request` for unreadable fields, and whatever the handler throws. */
  readonly serve: (
    context: Context,
    data: JsonObject,
    errorPrefix?: "" | typeof VALIDATION_FAILED,
  ) => Promise<Reply>;
}

export type ServedOperations<Context, Reply> = Partial<
  Readonly<Record<Operation, ServedOperation<Context, Reply>>>
>;

export function operation<Context, Reply, Entries extends FieldEntries = Record<never, never>>(
  notes: OperationNotes<Entries>,
  handle: (context: Context, sent: Sent<Entries>) => Promise<Reply>,
): ServedOperation<Context, Reply> {
  const schema = v.object((notes.fields ?? {}) as Entries);
  return {
    summary: notes.summary,
    schema,
    needs: notes.needs ?? [],
    takesAnything: notes.takesAnything === true,
    answers: notes.answers ?? null,
    data: notes.data ?? null,
    serve: async (context, data, errorPrefix) =>
      await handle(context, readFields(schema, data, errorPrefix)),
  };
}

export interface ServedPath<Context, Reply> {
  /**
   * `{name}` stands for a word, `{name@}` for one that may contain "@", `{name~}` for any text
   * without a slash, `{name+}` for any non-empty text, `{name*}` for any text. A slash at the end
   * is optional in the path.
   */
  readonly template: string;
  readonly parameters: readonly string[];
  readonly operations: ServedOperations<Context, Reply>;
  /** The parameters that can be spelled in several ways. */
  readonly spellings: Spellings;
  /** The parts of the path as they were sent. Null if it does not match. */
  readonly match: (path: string) => Parameters | null;
}

export type Spellings = Readonly<Record<string, NameSpelling>>;

export type Parameters = Readonly<Record<string, string>>;

/** Vault's names: word characters, with "-" and "." allowed inside (framework.GenericNameRegex). */
const WORD = "\\w(?:[\\w.-]*\\w)?";
const WORD_WITH_AT = "\\w(?:[\\w.@-]*\\w)?";
const WHOLE_WORD = new RegExp(`^${WORD}$`);
const KINDS: Readonly<Record<string, string>> = {
  "": WORD,
  "@": WORD_WITH_AT,
  "~": "[^/]+",
  "+": ".+",
  "*": ".*",
};
const PARAMETER = /\{(\w+)([@~+*])?\}/g;

export function servedPath<Context, Reply>(
  template: string,
  operations: ServedOperations<Context, Reply>,
  spellings: Spellings = {},
): ServedPath<Context, Reply> {
  const parameters = [...template.matchAll(PARAMETER)].map(([, name = ""]) => name);
  const own = Object.entries(spellings).filter(([name]) => parameters.includes(name));
  const match = matcherOf(template);
  return { template, parameters, operations, spellings: Object.fromEntries(own), match };
}

/** Whether `{name}` would match the text. */
export function isWord(text: string): boolean {
  return WHOLE_WORD.test(text);
}

function matcherOf(template: string): (path: string) => Parameters | null {
  if (!template.includes("{")) {
    const withoutSlash = template.replace(/\/$/, "");
    return (path) => path === template || path === withoutSlash ? {} : null;
  }
  const source = template.split(PARAMETER).map((part, index) => {
    switch (index % 3) {
      case 0:
        return part.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
      case 1:
        return `(?<${part}>`;
      default:
        return `${KINDS[part ?? ""]})`;
    }
  }).join("");
  const pattern = new RegExp(`^${source.replace(/\/$/, "/?")}$`, "su");
  const start = template.slice(0, template.indexOf("{"));
  return (path) => path.startsWith(start) ? pattern.exec(path)?.groups ?? null : null;
}

/** The first path that matches, with its parts; null if none does. */
export function findPath<Served extends { match(path: string): Parameters | null }>(
  paths: readonly Served[],
  path: string,
): { readonly served: Served; readonly parameters: Parameters } | null {
  for (const served of paths) {
    const parameters = served.match(path);
    if (parameters !== null) return { served, parameters };
  }
  return null;
}

/** The parts of a path as they are stored. `written` comes from `match`. */
export function storedParameters(
  { spellings }: Pick<ServedPath<never, unknown>, "spellings">,
  written: Parameters,
  operation: Operation,
): Parameters {
  const stored = Object.entries(spellings).map(([name, { stored }]) =>
    [name, stored(parameter(written, name), operation)] as const
  );
  return stored.length === 0 ? written : { ...written, ...Object.fromEntries(stored) };
}

/**
 * The canonical path among all that reach the same: stored names, without an optional slash at the
 * end. The path of a list keeps its slash if `path` ends in one.
 */
export function storedPath(
  served: Pick<ServedPath<never, unknown>, "template" | "spellings">,
  written: Parameters,
  operation: Operation,
  path: string,
): string {
  const parameters = storedParameters(served, written, operation);
  const stored = served.template.replace(/\/$/, "")
    .replace(PARAMETER, (_whole, name: string) => parameter(parameters, name));
  const isListing = operation === "list" || operation === "scan";
  const takesSlash = isListing && path.endsWith("/") && stored !== "" && !stored.endsWith("/");
  return takesSlash ? `${stored}/` : stored;
}

/** A part of the path by its name. Throws TypeError if the template lacks it. */
export function parameter(parameters: Parameters, name: string): string {
  const value = parameters[name];
  if (value === undefined) throw new TypeError(`the path has no part called ${name}`);
  return value;
}

/** Finds the handler; `update` stands in for a missing `create`. Throws `unsupported_operation`. */
export function operationOf<Context, Reply>(
  { operations }: ServedPath<Context, Reply>,
  wanted: Operation,
): ServedOperation<Context, Reply> {
  const found = operations[wanted] ?? (wanted === "create" ? operations.update : undefined);
  if (found === undefined) {
    throw new VaultError("unsupported_operation", "unsupported operation");
  }
  return found;
}

/** Like `parameterWarnings`, but empty if a write takes anything: its members are data. */
export function fieldWarnings<Context, Reply>(
  path: ServedPath<Context, Reply>,
  data: JsonObject,
): readonly string[] {
  const all = Object.values(path.operations);
  return all.some(({ takesAnything }) => takesAnything) ? [] : parameterWarnings(path, data);
}

/** Warnings about names that were ignored or replaced, in the reference's words. */
export function parameterWarnings<Context, Reply>(
  { operations, parameters }: ServedPath<Context, Reply>,
  data: JsonObject,
): readonly string[] {
  const names = Object.keys(data);
  if (names.length === 0) return [];
  const all = Object.values(operations);
  const ignored: string[] = [];
  const replaced: string[] = [];
  for (const name of names.sort()) {
    if (parameters.includes(name)) {
      if (data[name] !== null) replaced.push(name);
    } else if (!all.some(({ schema }) => Object.hasOwn(schema.entries, name))) ignored.push(name);
  }
  return [
    ...(ignored.length === 0
      ? []
      : [`Endpoint ignored these unrecognized parameters: [${ignored.join(" ")}]`]),
    ...(replaced.length === 0 ? [] : [
      "Endpoint replaced the value of these parameters with the values captured from the " +
      `endpoint's path: [${replaced.join(" ")}]`,
    ]),
  ];
}

/**
 * What is served below a mount, or by the system itself: paths with operations, as data. The same
 * table finds the handler of a request, judges its fields, and is shown to clients as OpenAPI. Pure.
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
 * What a success looks like. `nothing`: no content; `data`, `auth`, `wrapping`: that member of the
 * envelope; `accepted`: an envelope with 202, `queued`: nothing with 202; `keys`: `data.keys`, the names of a list; `document`:
 * a body of its own form.
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

/** What an operation is for, takes and answers. */
export interface OperationNotes<Entries extends FieldEntries> {
  /** One sentence without a period. */
  readonly summary: string;
  /** The body of a write, the query of a read. Left out: nothing is read. */
  readonly fields?: Entries;
  /** Fields without which it is refused. */
  readonly needs?: readonly (keyof Entries & string)[];
  /** Any other field is taken too: the value itself, not parameters. */
  readonly takesAnything?: boolean;
  /** What `data` of the answer holds. Left out: not described. */
  readonly data?: v.GenericSchema;
  /** Left out: as usual for such an operation. */
  readonly answers?: readonly Answer[];
}

export interface ServedOperation<Context, Reply> {
  readonly summary: string;
  readonly schema: FieldsSchema;
  readonly needs: readonly string[];
  readonly takesAnything: boolean;
  readonly answers: readonly Answer[] | null;
  readonly data: v.GenericSchema | null;
  /** Throws `invalid_request` for fields that cannot be read, and whatever the handler throws. */
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
   * With `{name}` for a word, `{name@}` for one that may contain "@", `{name~}` for anything without
   * a slash, `{name+}` for anything but nothing, `{name*}` for anything. A slash at the end may be
   * left out of the path.
   */
  readonly template: string;
  readonly parameters: readonly string[];
  readonly operations: ServedOperations<Context, Reply>;
  /** Of parameters that can be written in several ways. */
  readonly spellings: Spellings;
  /** The parts of the path as they are written. Null where the path is another one. */
  readonly match: (path: string) => Parameters | null;
}

export type Spellings = Readonly<Record<string, NameSpelling>>;

/** Parts of a path by their names in the template. */
export type Parameters = Readonly<Record<string, string>>;

/** Vault's names: word characters, inside also "-" and "." (framework.GenericNameRegex). */
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

/** Whether `{name}` would take it. */
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

/** The first path that matches, and the parts of it; null when none does. */
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

/** The parts of a path as they are stored; `written` are those that `match` found. */
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
 * The one path of those that reach the same: names as they are stored, and no slash at the end that
 * could be left out. The path of a list ends in "/" where it was `path` that does.
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

/** A part of the path that its template names. */
export function parameter(parameters: Parameters, name: string): string {
  const value = parameters[name];
  if (value === undefined) throw new TypeError(`the path has no part called ${name}`);
  return value;
}

/** Writes where nothing tells creation apart are updates. Throws `unsupported_operation`. */
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

/** Nothing where a write of the path takes anything: its members are no parameters. */
export function fieldWarnings<Context, Reply>(
  path: ServedPath<Context, Reply>,
  data: JsonObject,
): readonly string[] {
  const all = Object.values(path.operations);
  return all.some(({ takesAnything }) => takesAnything) ? [] : parameterWarnings(path, data);
}

/** What the caller should know of names that were not read, in the reference's words. */
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

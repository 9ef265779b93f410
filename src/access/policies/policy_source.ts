/**
 * Values of a policy text, read as Go's HCL decoder reads them, with its messages for those it
 * refuses. Pure.
 */

import { multiError } from "../../wire/multi_error.ts";
import { type HclBody, type HclItem, type HclValue, isJsonText, positionAt } from "./hcl.ts";
import { POLICY_MISTAKES_SHOWN_MAX } from "../../limits.ts";

/** A fault in a policy, never one of this program. */
export class PolicyError extends Error {}

/** A policy text: positions in it for messages, and warnings about it. */
export class PolicySource {
  readonly isJson: boolean;
  readonly #text: string;
  readonly #warnings: string[] = [];
  #repetitions = 0;

  constructor(text: string) {
    this.#text = text;
    this.isJson = isJsonText(text);
  }

  /** The reference knows no positions in JSON. */
  at(offset: number): string {
    if (this.isJson) return "At -";
    const { line, column } = positionAt(this.#text, offset);
    return `At ${line}:${column}`;
  }

  /** Line and column, also in JSON. */
  position(offset: number): string {
    const { line, column } = positionAt(this.#text, offset);
    return `${line}:${column}`;
  }

  /** Warnings for the author of a valid text. */
  get warnings(): readonly string[] {
    const more = this.#repetitions - this.#warnings.length;
    if (more === 0) return this.#warnings;
    return [...this.#warnings, `${more} more attributes are set more than once`];
  }

  /**
   * The last item of each name, in the order in which names first appear. Adds a warning for each
   * repeated name; `subject` says whose attributes they are.
   */
  lastOfEach(
    subject: string,
    items: HclBody,
    nameOf: (item: HclItem) => string,
  ): ReadonlyMap<string, HclItem> {
    const last = new Map<string, HclItem>();
    const repeated = new Set<string>();
    for (const item of items) {
      const name = nameOf(item);
      if (last.has(name)) repeated.add(name);
      last.set(name, item);
    }
    for (const name of repeated) {
      this.#repetitions += 1;
      const item = last.get(name);
      if (item === undefined || this.#warnings.length >= POLICY_MISTAKES_SHOWN_MAX) continue;
      const counts = `the one at ${this.position(item.offset)} counts`;
      this.#warnings.push(`${subject}${quote(name)} is set more than once: ${counts}`);
    }
    return last;
  }

  /** The line of the `=`; 0 for a block, which has none. */
  lineOf({ assignOffset }: HclItem): number {
    return assignOffset === null ? 0 : positionAt(this.#text, assignOffset).line;
  }
}

/** Throws one `PolicyError` for all unknown keys, in the format of a multi-error. */
export function refuseUnknownKeys(
  source: PolicySource,
  body: HclBody,
  isKnown: (item: HclItem) => boolean,
  subject = "",
): void {
  const unknown = body.filter((item) => !isKnown(item));
  if (unknown.length === 0) return;
  const errors = unknown.slice(0, POLICY_MISTAKES_SHOWN_MAX).map((item) => {
    const error = `invalid key ${quote(item.keys[0] ?? "")} on line ${source.lineOf(item)}`;
    return subject === "" ? error : `${subject} ${error}`;
  });
  throw new PolicyError(multiError(errors, unknown.length));
}

/** A text, or a whole number as its text. `field` is its name in messages. */
export function wordOf(source: PolicySource, field: string, value: HclValue): string {
  if (value.kind === "string") return value.value;
  if (value.kind === "number" && Number.isInteger(value.value)) return String(value.value);
  throw new PolicyError(
    `${source.at(value.offset)}: root.${field}: unknown type for string ${goType(value)}`,
  );
}

export function wordsOf(
  source: PolicySource,
  field: string,
  value: HclValue | undefined,
): readonly string[] {
  if (value === undefined) return [];
  if (value.kind === "object") {
    const [first] = value.body;
    if (first === undefined) return [];
    throw new PolicyError(
      `${source.at(first.offset)}: root.${field}[0]: unknown type for string *ast.ObjectItem`,
    );
  }
  return itemsOf(source, value).map((item, index) => wordOf(source, `${field}[${index}]`, item));
}

/** The items of a list; an object counts as a list of itself. */
export function itemsOf(source: PolicySource, value: HclValue): readonly HclValue[] {
  if (value.kind === "list") return value.items;
  if (value.kind === "object") return [value];
  throw new PolicyError(`${source.at(value.offset)}: unknown slice type: ${goType(value)}`);
}

/** A whole number, or a text that Go's strconv.ParseInt reads in base 0. */
export function integerOf(source: PolicySource, field: string, value: HclValue): number {
  if (value.kind === "number" && Number.isInteger(value.value)) return inRange(value.value);
  if (value.kind !== "string") {
    throw new PolicyError(
      `${source.at(value.offset)}: root.${field}: unknown type ${goType(value)}`,
    );
  }
  const text = value.value;
  const digits = text.replace(/^[+-]/, "");
  if (!/^(?:0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+)$/.test(digits)) {
    throw new PolicyError(`strconv.ParseInt: parsing ${quote(text)}: invalid syntax`);
  }
  const number = Number(digits.replace(/^0(?=[0-7])/, "0o"));
  return inRange(text.startsWith("-") ? -number : number);
}

function inRange(number: number): number {
  if (Number.isSafeInteger(number)) return number;
  throw new PolicyError(`strconv.ParseInt: parsing ${quote(String(number))}: value out of range`);
}

/** The name that the reference's decoder has for a kind of value. */
export function goType({ kind }: HclValue): string {
  switch (kind) {
    case "list":
      return "*ast.ListType";
    case "object":
      return "*ast.ObjectType";
    default:
      return "*ast.LiteralType";
  }
}

export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

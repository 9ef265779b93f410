/**
 * The kinds of fields a request may carry, read with weak types as Vault's framework does: `"5"` is
 * an integer, `"true"` a boolean, `"1,2"` a list (openbao sdk/framework/field_data.go). One schema
 * both checks the input and tells OpenAPI how clients write it (`written_form.ts`). A field that
 * was not sent is undefined. Pure; messages name the field and the type received, never the value.
 */

import { parseBool } from "./go_text.ts";
import * as v from "valibot";
import { DURATION_TEXT, parseDurationSeconds } from "./duration.ts";
import { invalidRequest } from "../errors.ts";
import { DURATION_MAX_CHARS, INTEGER_MAX_CHARS, LIST_ITEMS_MAX } from "../limits.ts";
import { isJsonObject, isNumberText, type JsonObject } from "./json_value.ts";
import { UNSIGNED_DURATION_TEXT, written, type WrittenForm } from "./written_form.ts";

export type FieldEntries = v.ObjectEntries;
export type FieldsSchema<Entries extends FieldEntries = FieldEntries> = v.ObjectSchema<
  Entries,
  undefined
>;
/** The values of a request, by field name. */
export type Sent<Entries extends FieldEntries> = v.InferOutput<FieldsSchema<Entries>>;

/** Prefixes field errors, except where Vault converts fields for its existence check. */
export const VALIDATION_FAILED = "Field validation failed: ";

/**
 * What Go's strconv.ParseInt reads in base 0: hexadecimal, binary and octal by prefix, with "_"
 * between digits. Each character matches in one place only, so hostile text cannot backtrack.
 */
const WRITTEN_INTEGER = "[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+" +
  "|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)";
const INTEGER_TEXT = new RegExp(`^(?:${WRITTEN_INTEGER})?$`);
const INTEGERS_TEXT = new RegExp(
  `^(?:${WRITTEN_INTEGER})?(?:,(?:${WRITTEN_INTEGER})?){0,${LIST_ITEMS_MAX - 1}}$`,
);
/** Text with at most `LIST_ITEMS_MAX` items. */
const FEW_ITEMS = new RegExp(`^[^,]*(?:,[^,]*){0,${LIST_ITEMS_MAX - 1}}$`);
/** Octal with C's prefix, a plain 0. */
const OLD_OCTAL = /^([+-]?)0(?=[0-7])/;
const BOOLEAN_TEXT = /^(1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)?$/;

/** Stops at the first fault, also in one field, so no pattern runs on text that is too long. */
const FIRST_FAULT = { abortEarly: true } as const;

const MANY_ITEMS = `expected at most ${LIST_ITEMS_MAX} items, got more`;

type Explain = (issue: v.BaseIssue<unknown>) => string;

function wanted(what: string): Explain {
  return ({ input }) => `expected ${what}, got ${kindOf(input)}`;
}

/** The message blames the first item of a list that cannot be read. */
function wantedItems(what: string, coerce: (item: unknown) => unknown): Explain {
  return ({ input }) => {
    if (!hasFewItems(input)) return MANY_ITEMS;
    const blamed = Array.isArray(input) ? input.find((item) => coerce(item) === null) : input;
    return `expected ${what}, got ${kindOf(blamed)}`;
  };
}

function kindOf(value: unknown): string {
  if (isNumberText(value)) return "number";
  return value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
}

const AN_INTEGER = wanted("an integer");
const A_BOOLEAN = wanted("a boolean");
const TEXT = wanted("text");
const A_DURATION = wanted("a duration");
const INTEGERS = wantedItems("a list of integers", coerceInteger);
const TEXTS = wantedItems("a list of texts", coerceText);
const AN_OBJECT = wanted("an object");
const NEGATIVE = "cannot provide negative value";

const IN_RANGE = v.check<number | undefined, string>(
  (seconds) => !Number.isNaN(seconds),
  "expected a duration, got one that is too long",
);

/** The text may still name a number that is too large. */
function integerOf(explain: Explain) {
  return v.union([
    v.pipe(v.number(), v.safeInteger(explain)),
    v.pipe(v.string(), v.maxLength(INTEGER_MAX_CHARS, explain), v.regex(INTEGER_TEXT, explain)),
    v.boolean(),
    v.null(),
  ], explain);
}

function textOf(explain: Explain) {
  return v.union([v.string(), v.number(), v.boolean(), v.null()], explain);
}

const ANY_INTEGER = integerOf(AN_INTEGER);
const ANY_TEXT = textOf(TEXT);

/** An integer. Null, false and "" are 0, true is 1. `about` says what the field is for. */
export function integer(about: string) {
  return v.optional(v.pipe(
    ANY_INTEGER,
    written(about, "integer"),
    v.transform(plainInteger),
    v.safeInteger(AN_INTEGER),
  ));
}

export function boolean(about: string) {
  const accepted = v.union([
    v.boolean(),
    v.pipe(v.string(), v.regex(BOOLEAN_TEXT, A_BOOLEAN)),
    v.picklist([0, 1]),
    v.null(),
  ], A_BOOLEAN);
  return v.optional(
    v.pipe(
      accepted,
      written(about, "boolean"),
      v.transform((sent) => parseBool(`${sent}`) === true),
    ),
  );
}

/** Text. A number is read as its text, true as "1", false as "0". */
export function text(about: string) {
  return v.optional(v.pipe(ANY_TEXT, written(about, "text"), v.transform(plainText)));
}

/**
 * Whole seconds, from a number or a Go duration. Null counts as not sent. Refuses negative values,
 * and numbers with a fraction, which Go reads as a duration without a unit.
 */
export function duration(about: string) {
  const accepted = v.union([
    v.pipe(v.number(), v.safeInteger(A_DURATION), v.minValue(0, NEGATIVE)),
    v.pipe(
      v.string(),
      v.maxLength(DURATION_MAX_CHARS, A_DURATION),
      v.regex(
        UNSIGNED_DURATION_TEXT,
        (issue) => DURATION_TEXT.test(issue.input) ? NEGATIVE : A_DURATION(issue),
      ),
    ),
    v.null(),
  ], A_DURATION);
  return v.optional(
    v.pipe(accepted, written(about, "duration"), v.transform(wholeSeconds), IN_RANGE),
  );
}

const SIGNED_DURATION = v.union([
  v.pipe(v.number(), v.safeInteger(A_DURATION)),
  v.pipe(
    v.string(),
    v.maxLength(DURATION_MAX_CHARS, A_DURATION),
    v.regex(DURATION_TEXT, A_DURATION),
  ),
  v.null(),
], A_DURATION);

/** Like `duration`, but also takes negative values. */
export function signedDuration(about: string) {
  return v.optional(
    v.pipe(SIGNED_DURATION, written(about, "signedDuration"), v.transform(wholeSeconds), IN_RANGE),
  );
}

/** A list, one number, or text separated by commas. An empty object is an empty list, as in Go. */
export function integerList(about: string) {
  const accepted = v.union([
    v.array(integerOf(INTEGERS)),
    v.strictObject({}, INTEGERS),
    v.pipe(v.number(), v.safeInteger(INTEGERS)),
    v.boolean(),
    v.pipe(
      v.string(),
      v.maxLength(LIST_ITEMS_MAX * INTEGER_MAX_CHARS, INTEGERS),
      v.regex(INTEGERS_TEXT, INTEGERS),
    ),
    v.null(),
  ], INTEGERS);
  return v.optional(v.pipe(
    accepted,
    written(about, "integers"),
    v.transform((sent): readonly number[] =>
      typeof sent === "object" && !Array.isArray(sent) ? [] : listOf(sent).map(plainInteger)
    ),
    v.check((numbers) => hasFewItems(numbers), MANY_ITEMS),
    v.check((numbers) => numbers.every(Number.isSafeInteger), INTEGERS),
  ));
}

/** A list of texts, or one text separated by commas. */
export function textList(about: string) {
  const accepted = v.union([
    v.array(textOf(TEXTS)),
    v.pipe(v.string(), v.regex(FEW_ITEMS, MANY_ITEMS)),
    v.number(),
    v.boolean(),
    v.null(),
  ], TEXTS);
  return v.optional(v.pipe(
    accepted,
    written(about, "texts"),
    v.transform((sent): readonly string[] => listOf(sent).map(plainText)),
    v.check((texts) => hasFewItems(texts), MANY_ITEMS),
  ));
}

/** An object. Null is an empty one, and a list of objects is their union. */
export function object(about: string) {
  const one = v.custom<JsonObject>(isJsonObject);
  const accepted = v.union([one, v.array(one), v.null()], AN_OBJECT);
  return v.optional(v.pipe(accepted, written(about, "object"), v.transform(unitedObject)));
}

/** Any value, left to the handler to check; `form` says how clients write it. */
export function anything(about: string, form: WrittenForm) {
  return v.optional(v.pipe(v.unknown(), written(about, form)));
}

/** Reads fields. Throws `invalid_request`, in the reference's words, for the first bad one. */
export function readFields<Entries extends FieldEntries>(
  { entries }: FieldsSchema<Entries>,
  data: JsonObject,
  errorPrefix: "" | typeof VALIDATION_FAILED = VALIDATION_FAILED,
): Sent<Entries> {
  const sent: Record<string, unknown> = {};
  // `v.object` would also read what `data` inherits.
  for (const name in entries) {
    if (Object.hasOwn(data, name)) sent[name] = readField(entries, name, data, errorPrefix);
  }
  return sent as Sent<Entries>;
}

function readField(
  entries: FieldEntries,
  name: string,
  data: JsonObject,
  errorPrefix: string,
): unknown {
  const field = entries[name];
  if (field === undefined) throw new TypeError(`there is no field called ${name}`);
  const sent = data[name];
  const parsed = v.safeParse(field, sent, FIRST_FAULT);
  if (parsed.success) return parsed.output;
  if (isNumberText(sent)) {
    // Go reads a number by its text.
    const asText = v.safeParse(field, JSON.stringify(sent), FIRST_FAULT);
    if (asText.success) return asText.output;
  }
  const [{ message }] = parsed.issues;
  throw invalidRequest(`${errorPrefix}error converting input for field "${name}": ${message}`);
}

/** Whether a list, or text separated by commas, has at most `LIST_ITEMS_MAX` items. */
export function hasFewItems(sent: unknown): boolean {
  if (Array.isArray(sent)) return sent.length <= LIST_ITEMS_MAX;
  return typeof sent !== "string" || FEW_ITEMS.test(sent);
}

/**
 * A value by the rules of `text`; a number kept as text is that text. Null for lists and objects.
 */
export function coerceText(value: unknown): string | null {
  if (isNumberText(value)) return JSON.stringify(value);
  const parsed = v.safeParse(ANY_TEXT, value, FIRST_FAULT);
  return parsed.success ? plainText(parsed.output) : null;
}

/** Reads a value by the rules of `integer`. Null if it is not an integer. */
export function coerceInteger(value: unknown): number | null {
  const parsed = v.safeParse(ANY_INTEGER, value, FIRST_FAULT);
  const number = parsed.success ? plainInteger(parsed.output) : NaN;
  return Number.isSafeInteger(number) ? number : null;
}

/** Whole seconds by the rules of `signedDuration`; null is 0. Null if not a duration. */
export function coerceDuration(value: unknown): number | null {
  const parsed = v.safeParse(SIGNED_DURATION, value, FIRST_FAULT);
  const seconds = parsed.success ? wholeSeconds(parsed.output) ?? 0 : NaN;
  return Number.isNaN(seconds) ? null : seconds;
}

/** Text must match `INTEGER_TEXT`. */
function plainInteger(sent: string | number | boolean | null): number {
  if (typeof sent !== "string") return Number(sent);
  const digits = sent.replaceAll("_", "").replace(OLD_OCTAL, "$10o");
  // JavaScript accepts no sign before a base prefix.
  return digits.startsWith("-") ? -Number(digits.slice(1)) || 0 : Number(digits.replace("+", ""));
}

function plainText(sent: string | number | boolean | null): string {
  if (sent === null) return "";
  return typeof sent === "boolean" ? String(Number(sent)) : String(sent);
}

function listOf<T>(sent: readonly T[] | T | string | null): readonly (T | string)[] {
  if (sent === null || sent === "") return [];
  if (Array.isArray(sent)) return sent as readonly T[];
  return typeof sent === "string" ? sent.split(",").map((item) => item.trim()) : [sent as T];
}

/** NaN if the value is not a duration. */
function wholeSeconds(sent: number | string | null): number | undefined {
  if (sent === null) return undefined;
  const isNegative = typeof sent === "number" ? sent < 0 : sent.startsWith("-");
  const magnitude = typeof sent === "number" ? Math.abs(sent) : sent.replace(/^-/, "");
  const seconds = parseDurationSeconds(magnitude);
  if (seconds === null) return NaN;
  return isNegative ? -Math.trunc(seconds) : Math.trunc(seconds);
}

function unitedObject(sent: JsonObject | JsonObject[] | null): JsonObject {
  if (sent === null) return {};
  if (!Array.isArray(sent)) return sent as JsonObject;
  return Object.fromEntries((sent as JsonObject[]).flatMap((item) => Object.entries(item)));
}

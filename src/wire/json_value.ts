/** JSON values in transit. A number that JavaScript would change is kept as its text. Pure. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** True for JSON objects, not for lists or null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !isNumberText(value);
}

/**
 * Enough digits to lose some, a fraction, or an exponent. Numbers are checked one by one only in
 * text that matches, because checking is slow.
 */
const UNUSUAL_NUMBER = /\d{16}|\d[.eE]/;

/** Every supported engine has these; TypeScript does not declare them yet. */
interface RawJson {
  readonly rawJSON?: (text: string) => unknown;
  readonly isRawJSON?: (value: unknown) => boolean;
}

type SourceReviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** Whether a value is a number kept as its text (`JSON.rawJSON`), an object to JavaScript. */
export function isNumberText(value: unknown): boolean {
  return (JSON as RawJson).isRawJSON?.(value) === true;
}

/** Like `JSON.parse`, but keeps the text of a number that JavaScript would print differently. */
export function parseExactly(text: string): unknown {
  return UNUSUAL_NUMBER.test(text)
    ? JSON.parse(text, keepNumber as SourceReviver)
    : JSON.parse(text);
}

const keepNumber: SourceReviver = (_key, value, context) => {
  if (typeof value !== "number" || context?.source === undefined) return value;
  if (String(value) === context.source) return value;
  return (JSON as RawJson).rawJSON?.(context.source) ?? value;
};

/** An own member of an object, ignoring its prototype; undefined if absent. */
export function ownMember(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * JSON values as they travel: numbers that a JavaScript number would change are kept as their text.
 * Pure.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** True for what JSON calls an object: no list, not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !isNumberText(value);
}

/**
 * Digits enough to lose some, a fraction, or an exponent: only in a text that has such numbers is
 * each looked at, which costs.
 */
const UNUSUAL_NUMBER = /\d{16}|\d[.eE]/;

/** Of every engine that runs the product; TypeScript does not know them yet. */
interface RawJson {
  readonly rawJSON?: (text: string) => unknown;
  readonly isRawJSON?: (value: unknown) => boolean;
}

type SourceReviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** A number kept as the text it came in (`JSON.rawJSON`) is an object only to JavaScript. */
export function isNumberText(value: unknown): boolean {
  return (JSON as RawJson).isRawJSON?.(value) === true;
}

/** `JSON.parse`, but a number that would be written otherwise than it came is kept as its text. */
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

/** A member of its own; undefined when there is none, whatever the prototype says. */
export function ownMember(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Values as Go's fmt package writes them, for the reference's messages that hold them. Pure. */

import { isNumberText } from "./json_value.ts";

const SHORT_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
]);
/** What Go's unicode.IsPrint accepts: letters, marks, numbers, punctuation, symbols, U+0020. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;

/** Whether every character is visible or a plain space. */
export function isPrintable(text: string): boolean {
  return PRINTABLE.test(text);
}

const TRUE_WORDS: readonly string[] = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE_WORDS: readonly string[] = ["0", "f", "F", "false", "FALSE", "False"];

/** `strconv.ParseBool`; null for any other word. */
export function parseBool(text: string): boolean | null {
  if (TRUE_WORDS.includes(text)) return true;
  return FALSE_WORDS.includes(text) ? false : null;
}

/** `%q` */
export function quoteText(text: string): string {
  // A lone surrogate becomes U+FFFD, as it does on the way into Go.
  return `"${[...text.toWellFormed()].map(quotedCharacter).join("")}"`;
}

function quotedCharacter(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  if (isPrintable(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x20 || code === 0x7f) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x1_0000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** `%T` of a decoded JSON value. */
export function typeOfValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "string";
    case "number":
      return "json.Number";
    case "boolean":
      return "bool";
    default:
      if (isNumberText(value)) return "json.Number";
      if (value === null) return "<nil>";
      return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
  }
}

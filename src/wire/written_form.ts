/**
 * How OpenAPI tells clients to write a field: in one JSON type, so that client generators emit a
 * plain type. The schema of the field decides what else is accepted. Pure.
 */

import * as v from "valibot";
import { DURATION_TEXT } from "./duration.ts";
import { DURATION_MAX_CHARS } from "../limits.ts";
import type { JsonObject } from "./json_value.ts";

export const UNSIGNED_DURATION_TEXT = new RegExp(DURATION_TEXT.source.replace("[+-]?", "\\+?"));

/** JSON Schema that OpenAPI 3.0 understands too. */
const FORMS = {
  integer: { type: "integer", format: "int64" },
  boolean: { type: "boolean" },
  text: { type: "string" },
  duration: {
    type: "string",
    maxLength: DURATION_MAX_CHARS,
    pattern: UNSIGNED_DURATION_TEXT.source,
  },
  signedDuration: { type: "string", maxLength: DURATION_MAX_CHARS, pattern: DURATION_TEXT.source },
  integers: { type: "array", items: { type: "integer", format: "int64" } },
  texts: { type: "array", items: { type: "string" } },
  object: { type: "object", additionalProperties: true },
  objects: { type: "array", items: { type: "object", additionalProperties: true } },
  textsByName: { type: "object", additionalProperties: { type: "string" } },
} as const satisfies Readonly<Record<string, JsonObject>>;

export type WrittenForm = keyof typeof FORMS;

/**
 * `about` says what the field is for. The JSON Schema of the field carries the form as `written`.
 */
export function written<Input>(about: string, form: WrittenForm) {
  return v.metadata<Input, { readonly description: string; readonly written: JsonObject }>({
    description: about,
    written: FORMS[form],
  });
}

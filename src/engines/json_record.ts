/**
 * The engines' records are JSON in UTF-8. Encoding preserves values exactly and treats `__proto__`
 * as an ordinary name. Decoding checks everything. Pure; messages never contain a value.
 */

import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { RECORD_MAX_BYTES } from "../limits.ts";
import { isJsonObject, type JsonObject, ownMember, parseExactly } from "../wire/json_value.ts";

/** UTF-8 of the JSON text of `value`. */
export function encodeJsonRecord(value: JsonObject): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/**
 * Like `encodeJsonRecord`, for values from a client. Throws `invalid_request` before encoding if
 * the text is longer than any record may be.
 */
export function encodeGivenRecord(value: JsonObject): Uint8Array {
  const text = JSON.stringify(value);
  if (text.length <= RECORD_MAX_BYTES) return encodeUtf8(text);
  throw invalidRequest(
    `cannot store a record: it has ${text.length} characters, more than ${RECORD_MAX_BYTES} bytes`,
  );
}

/** Inverse of `encodeJsonRecord`. Throws `record_malformed` if the bytes are not a JSON object. */
export function decodeJsonRecord(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = parseExactly(decodeUtf8(bytes));
  } catch {
    // No `cause`: the parser's message quotes the text, which is secret.
    throw malformedRecord("not JSON");
  }
  if (!isJsonObject(value)) throw malformedRecord("not a JSON object");
  return value;
}

/** A number in the record. Throws `record_malformed`. */
export function numberMember(object: JsonObject, name: string): number {
  const value = ownMember(object, name);
  if (typeof value !== "number") throw malformedRecord(`${name} is no number`);
  return value;
}

/** A boolean in the record. Throws `record_malformed`. */
export function booleanMember(object: JsonObject, name: string): boolean {
  const value = ownMember(object, name);
  if (typeof value !== "boolean") throw malformedRecord(`${name} is no truth value`);
  return value;
}

/** An object in the record. Throws `record_malformed`. */
export function objectMember(object: JsonObject, name: string): JsonObject {
  const value = ownMember(object, name);
  if (!isJsonObject(value)) throw malformedRecord(`${name} is no object`);
  return value;
}

/** `reason` may name members, never their values. */
export function malformedRecord(reason: string): VaultError {
  return new VaultError("record_malformed", `cannot read an engine's record: ${reason}`);
}

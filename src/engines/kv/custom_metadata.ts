/**
 * custom_metadata of kv version 2: the user's own names and texts, with Vault's limits. It is not
 * secret: as in the reference, messages quote its names, but never its values. Pure.
 */

import { encodeUtf8 } from "../../crypto/bytes.ts";
import { invalidRequest } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import {
  CUSTOM_METADATA_KEY_MAX_BYTES,
  CUSTOM_METADATA_MAX_KEYS,
  CUSTOM_METADATA_VALUE_MAX_BYTES,
} from "../../limits.ts";
import { coerceText } from "../../wire/fields.ts";
import { isPrintable, quoteText, typeOfValue } from "../../wire/go_text.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import { mergeObject } from "./merge_patch.ts";

const FAILED = "custom_metadata validation failed";

type CustomMetadata = Readonly<Record<string, string>>;

/** The metadata to store. Throws `invalid_request` listing every reason against it. */
export function parseCustomMetadata(sent: JsonObject): CustomMetadata {
  const entries = Object.entries(sent).map(([name, value]) => [name, textOf(value)] as const);
  checkCount(entries.length);
  const reasons = entries.flatMap(([name, value]) => reasonsAgainst(name, value));
  if (reasons.length > 0) {
    const noun = reasons.length === 1 ? "error" : "errors";
    const lines = reasons.map((reason) => `\t* ${FAILED}: ${reason}\n`).join("");
    throw invalidRequest(`${reasons.length} ${noun} occurred:\n${lines}\n`);
  }
  return Object.fromEntries(entries);
}

/** Throws `invalid_request` for names and values that cannot be set, before anything is read. */
export function checkCustomMetadataPatch(patch: JsonObject): void {
  parseCustomMetadata(Object.fromEntries(valuesSet(patch)));
}

/**
 * Applies a merge-patch, in which null removes a name. The limits hold for the result too. Unlike a
 * write, a patch accepts only text. Throws `invalid_request`.
 */
export function patchCustomMetadata(current: CustomMetadata, patch: JsonObject): CustomMetadata {
  for (const [, value] of valuesSet(patch)) {
    if (typeof value === "string") continue;
    const kind = typeof value === "boolean" ? "bool" : "number";
    throw listedMistake(
      `json: cannot unmarshal ${kind} into Go struct field KeyMetadata.custom_metadata of type string`,
    );
  }
  return parseCustomMetadata(mergeObject(current, patch));
}

function valuesSet(patch: JsonObject): readonly [string, unknown][] {
  return Object.entries(patch).filter(([, value]) => value !== null);
}

function textOf(value: unknown): string {
  const text = coerceText(value);
  if (text !== null) return text;
  const unconvertible = `got unconvertible type '${typeOfValue(value)}'`;
  throw invalidRequest(`${FAILED}: '' expected type 'string', ${unconvertible}`);
}

function checkCount(count: number): void {
  if (count <= CUSTOM_METADATA_MAX_KEYS) return;
  const limit = `payload must contain at most ${CUSTOM_METADATA_MAX_KEYS} keys`;
  throw listedMistake(`${FAILED}: ${limit}, provided ${count}`);
}

function reasonsAgainst(name: string, value: string): readonly string[] {
  const reasons: string[] = [];
  const quoted = quoteText(name);
  const nameBytes = encodeUtf8(name).length;
  const valueBytes = encodeUtf8(value).length;
  if (nameBytes === 0 || nameBytes > CUSTOM_METADATA_KEY_MAX_BYTES) {
    const bounds = `must be 0 < len(key) <= ${CUSTOM_METADATA_KEY_MAX_BYTES}`;
    reasons.push(`length of key ${quoted} is ${nameBytes} but ${bounds}`);
  }
  if (valueBytes === 0 || valueBytes > CUSTOM_METADATA_VALUE_MAX_BYTES) {
    const bounds = `must be 0 < len(value) <= ${CUSTOM_METADATA_VALUE_MAX_BYTES}`;
    reasons.push(`length of value for key ${quoted} is ${valueBytes} but ${bounds}`);
  }
  if (!isPrintable(name)) {
    reasons.push(`key ${quoted} (${name}) contains unprintable characters`);
  }
  if (!isPrintable(value)) {
    reasons.push(`value for key ${quoted} contains unprintable characters`);
  }
  return reasons;
}

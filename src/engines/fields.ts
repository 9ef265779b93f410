/**
 * Reads fields of a request as Vault's framework does: weakly typed, so that `"5"` is an integer,
 * `"true"` a truth value, `"1,2"` a list (openbao sdk/framework/field_data.go). A field not sent is
 * undefined; one that cannot be read is the caller's mistake. Pure; messages name the field and the
 * kind of what came, never the value.
 */

import { parseDurationSeconds } from "../access/duration.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { EngineRequest } from "./engine.ts";
import { isJsonObject, type JsonObject, ownMember } from "./json_record.ts";

export interface Fields {
  readonly data: JsonObject;
  readonly errorPrefix: "" | "Field validation failed: ";
}

/** Fields of a path without an existence check. */
export function requestFields(data: JsonObject): Fields {
  return { data, errorPrefix: "Field validation failed: " };
}

/**
 * Fields of a request. Where a path has an existence check, Vault converts the fields of a write
 * there for the first time, and that place adds no prefix to the error.
 */
export function fieldsOf(request: EngineRequest, hasExistenceCheck: boolean): Fields {
  const writes = request.operation === "create" || request.operation === "update";
  const errorPrefix = hasExistenceCheck && writes ? "" : "Field validation failed: ";
  return { data: request.data, errorPrefix };
}

export function readInteger(fields: Fields, name: string): number | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined) return undefined;
  return coerceInteger(value) ?? refuseField(fields, name, expected("an integer", value));
}

export function readBoolean(fields: Fields, name: string): boolean | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined) return undefined;
  return coerceBoolean(value) ?? refuseField(fields, name, expected("a boolean", value));
}

export function readText(fields: Fields, name: string): string | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined) return undefined;
  return coerceText(value) ?? refuseField(fields, name, expected("text", value));
}

/** Whole seconds of a number or a Go duration; null counts as not sent. Negative ones are refused. */
export function readDurationSeconds(fields: Fields, name: string): number | undefined {
  const seconds = readSignedDurationSeconds(fields, name);
  if (seconds !== undefined && seconds < 0) {
    refuseField(fields, name, "cannot provide negative value");
  }
  return seconds;
}

/** Like `readDurationSeconds`, negative ones included. */
export function readSignedDurationSeconds(fields: Fields, name: string): number | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined || value === null) return undefined;
  const seconds = parseSignedSeconds(value);
  if (seconds === null) return refuseField(fields, name, expected("a duration", value));
  return Math.trunc(seconds);
}

/** A list, one number, or text with commas. */
export function readIntegerList(fields: Fields, name: string): readonly number[] | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined) return undefined;
  if (value === null || value === "") return [];
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === "string"
    ? value.split(",").map((item) => item.trim())
    : [value];
  return items.map((item) =>
    coerceInteger(item) ?? refuseField(fields, name, expected("a list of integers", item))
  );
}

/** A list of texts, or text with commas. */
export function readTextList(fields: Fields, name: string): readonly string[] | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined) return undefined;
  if (value === null || value === "") return [];
  const items: readonly unknown[] = Array.isArray(value)
    ? value
    : typeof value === "string"
    ? value.split(",").map((item) => item.trim())
    : [value];
  return items.map((item) =>
    coerceText(item) ?? refuseField(fields, name, expected("a list of texts", item))
  );
}

/** An object; null is the empty one, a list of objects is their union. */
export function readObject(fields: Fields, name: string): JsonObject | undefined {
  const value = ownMember(fields.data, name);
  if (value === undefined) return undefined;
  if (isJsonObject(value)) return value;
  const items: readonly unknown[] | null = value === null
    ? []
    : Array.isArray(value)
    ? value
    : null;
  if (items === null || !items.every(isJsonObject)) {
    return refuseField(fields, name, expected("an object", value));
  }
  return Object.fromEntries(items.flatMap((item) => Object.entries(item)));
}

/** Null when it is no integer. Text is decimal; null, false and "" are 0, true is 1. */
export function coerceInteger(value: unknown): number | null {
  if (value === null || value === "") return 0;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && !/^[+-]?\d+$/.test(value)) return null;
  if (typeof value !== "string" && typeof value !== "number") return null;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : null;
}

/** Null when it is neither; the words are those of Go's strconv.ParseBool. */
export function coerceBoolean(value: unknown): boolean | null {
  if (typeof value === "boolean") return value;
  if (typeof value === "object" && value !== null) return null;
  const text = value === null ? "" : String(value);
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["", "0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : null;
}

/** Null for lists and objects. */
export function coerceText(value: unknown): string | null {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "1" : "0";
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

/** Nothing is ever stored at such a path. */
export function isFolder(path: string): boolean {
  return path === "" || path.endsWith("/");
}

/**
 * Vault's core refuses to write where a folder would be, before any engine is asked. Throws
 * `invalid_request`.
 */
export function refuseFolderWrite(request: EngineRequest): void {
  const writes = ["create", "update", "patch"].includes(request.operation);
  if (writes && isFolder(request.path)) {
    throw invalidRequest("cannot write to a path ending in '/'");
  }
}

/** The path is served, the operation is not. */
export function unsupportedOperation(): VaultError {
  return new VaultError("unsupported_operation", "unsupported operation");
}

function parseSignedSeconds(value: unknown): number | null {
  const magnitude = typeof value === "number" && value < 0
    ? -value
    : typeof value === "string" && /^-[0-9.]/.test(value)
    ? value.slice(1)
    : null;
  if (magnitude === null) return parseDurationSeconds(value);
  const seconds = parseDurationSeconds(magnitude);
  return seconds === null ? null : -seconds;
}

function expected(wanted: string, value: unknown): string {
  const got = value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
  return `expected ${wanted}, got ${got}`;
}

function refuseField(fields: Fields, name: string, reason: string): never {
  throw invalidRequest(
    `${fields.errorPrefix}error converting input for field "${name}": ${reason}`,
  );
}

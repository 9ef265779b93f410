/**
 * What lies where in Deno KV, and its form. Paths are key parts of bytes, which Deno KV sorts as
 * such: that is the order of the port. All other keys are short, because a commit holds 80 KiB of
 * keys only. Pure.
 *
 * | key              | value                                                          |
 * | ---------------- | -------------------------------------------------------------- |
 * | `epoch`          | who owns the store; each commit checks it                      |
 * | `meta`           | the counters, and how many records each seal key wraps         |
 * | `r`, path        | the head of a record, with its bytes if they are few           |
 * | `p`, number      | a part of the bytes of a record; never overwritten             |
 * | `w`, seal key, id | path and size of a record that this seal key wraps            |
 */

import * as v from "valibot";
import { VaultError } from "../../errors.ts";
import { DENO_KV_PATH_MAX_BYTES } from "../../limits.ts";
import type { KvEntry, KvKey } from "./kv.ts";
import { isLongerThan } from "../paths.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";

const FORMAT = 1;
/** Sorts after every byte of UTF-8. */
const BEYOND = 0xff;
const LAST_NUMBER = Number.MAX_SAFE_INTEGER;

export const EPOCH_KEY: KvKey = ["epoch"];
export const META_KEY: KvKey = ["meta"];

const numberSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const bytesSchema = v.custom<Uint8Array>((value) => value instanceof Uint8Array);
const sealKeySchema = v.strictObject({
  name: v.string(),
  /** Stands for the name in keys. Never used for another name. */
  number: numberSchema,
  count: v.pipe(numberSchema, v.minValue(1)),
});
const metaSchema = v.strictObject({
  format: v.literal(FORMAT),
  /** Commits so far. It tells whether a commit with an unknown outcome was applied. */
  commits: numberSchema,
  /** The next number: ids of records, parts and seal keys come from here and are never used again. */
  next: v.pipe(numberSchema, v.minValue(1)),
  sealKeys: v.array(sealKeySchema),
});
const headSchema = v.strictObject({
  /** A record keeps it when it is overwritten, so that cursors stay valid. */
  id: numberSchema,
  sealKeyId: v.nullable(bytesSchema),
  sizeBytes: numberSchema,
  /** Null if the bytes lie in parts. */
  inline: v.nullable(bytesSchema),
  firstPart: numberSchema,
  parts: numberSchema,
});
const wrappedSchema = v.strictObject({ path: bytesSchema, sizeBytes: numberSchema });
const epochSchema = v.strictObject({ owner: v.string(), count: numberSchema });

export type SealKeyEntry = v.InferOutput<typeof sealKeySchema>;
export type Meta = v.InferOutput<typeof metaSchema>;
export type Head = v.InferOutput<typeof headSchema>;
export type Wrapped = v.InferOutput<typeof wrappedSchema>;
export type Epoch = v.InferOutput<typeof epochSchema>;

export const FIRST_META: Meta = { format: FORMAT, commits: 0, next: 1, sealKeys: [] };

export function recordKey(path: string): KvKey {
  return ["r", encodeUtf8(path)];
}

export function partKey(number: number): KvKey {
  return ["p", number];
}

export function wrappedKey(sealKey: number, id: number): KvKey {
  return ["w", sealKey, id];
}

export interface KeyRange {
  readonly start: KvKey;
  readonly end: KvKey;
}

/**
 * Heads whose paths begin with `prefix`, a path or "", and sort after `after`, any text. Null if
 * there are none: Deno KV refuses a range that ends before it begins.
 */
export function recordRange(prefix: string, after: string): KeyRange | null {
  const first = encodeUtf8(prefix);
  const next = Uint8Array.of(...comparable(after), 0);
  const isAfterPrefix = after !== "" && compareBytes(next, first) > 0;
  const start = isAfterPrefix ? next : first;
  const end = Uint8Array.of(...first, BEYOND);
  return compareBytes(start, end) < 0 ? { start: ["r", start], end: ["r", end] } : null;
}

export function wrappedRange(sealKey: number, afterId: number): KeyRange {
  return { start: wrappedKey(sealKey, afterId + 1), end: wrappedKey(sealKey, LAST_NUMBER) };
}

/** Covers every key that begins with bytes, a text or a number. */
export const ALL_KEYS: KeyRange = { start: [new Uint8Array(0)], end: [LAST_NUMBER] };

/** Whether a record may lie at the path. Deno KV would refuse to look for others. */
export function mayBePath(path: string): boolean {
  return path.isWellFormed() && !path.includes("\0") &&
    !isLongerThan(path, DENO_KV_PATH_MAX_BYTES);
}

/**
 * The bytes of `after`, up to where no path is longer, or where a U+0000 begins, which no path has.
 * Exactly the same paths sort after them.
 */
function comparable(after: string): Uint8Array {
  const [text = ""] = after.toWellFormed().split("\0", 1);
  return encodeUtf8(text).subarray(0, DENO_KV_PATH_MAX_BYTES);
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const differs = left.findIndex((byte, index) => byte !== right[index]);
  return differs === -1 ? left.length - right.length : left[differs]! - (right[differs] ?? -1);
}

export function pathOf({ key }: KvEntry): string {
  const [, path] = key;
  if (!(path instanceof Uint8Array)) throw damaged();
  return decodeUtf8(path);
}

export function idOf({ key }: KvEntry): number {
  const [, , id] = key;
  if (typeof id !== "number") throw damaged();
  return id;
}

/** Throws for another format, which another version of this program wrote. */
export function metaOf({ value }: KvEntry): Meta {
  const format = typeof value === "object" && value !== null ? Reflect.get(value, "format") : null;
  if (typeof format === "number" && format !== FORMAT) {
    throw new VaultError(
      "store_failed",
      `cannot open the store: its format has version ${format}, this program reads version ` +
        `${FORMAT} only; use the release that wrote it`,
    );
  }
  return decode(metaSchema, value);
}

/** Null if there is no record. */
export function headOf({ value }: KvEntry): Head | null {
  return value === null ? null : decode(headSchema, value);
}

export function wrappedOf({ value }: KvEntry): Wrapped {
  return decode(wrappedSchema, value);
}

/** Null if nobody has opened the store yet. */
export function epochOf({ value }: KvEntry): Epoch | null {
  return value === null ? null : decode(epochSchema, value);
}

export function partOf({ value }: KvEntry): Uint8Array | null {
  return value === null ? null : decode(bytesSchema, value);
}

function decode<Output>(schema: v.GenericSchema<unknown, Output>, value: unknown): Output {
  const outcome = v.safeParse(schema, value);
  if (!outcome.success) throw damaged();
  return outcome.output;
}

export function damaged(): VaultError {
  return new VaultError("store_failed", "cannot use the store: what its database holds is damaged");
}

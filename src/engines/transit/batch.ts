/**
 * The results of transit's batches, and the reply made of them. An item that cannot be served fails
 * alone: the reply still carries the results of the others. Pure but for the work it is given.
 */

import { pause } from "../../crypto/pause.ts";
import { invalidRequest } from "../../errors.ts";
import { HASH_SLICE_BYTES, REPLY_STATUS_MAX, REPLY_STATUS_MIN } from "../../limits.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import type { EngineReply } from "../engine.ts";
import type { Checked } from "./base64.ts";
import type { Batch } from "./items.ts";

/** Items in work at once: Web Crypto may use other threads, memory stays bounded. */
const CONCURRENT_ITEMS = 64;

const NO_CONTENT = 204;
const RESET_CONTENT = 205;
const NOT_MODIFIED = 304;
const BODYLESS_CODES: readonly number[] = [NO_CONTENT, RESET_CONTENT, NOT_MODIFIED];
const DEFAULT_CODE = 400;
const UNUSABLE_CODE = "invalid HTTP response code override from partial_failure_response_code, " +
  `reverting to ${DEFAULT_CODE}`;

export type ItemResult = Checked<Readonly<Record<string, unknown>>>;

/** Items of a batch failed. `responseCode`: as the caller asked; null: as for invalid requests. */
export interface FailedItems {
  readonly responseCode: number | null;
}

/** The reply to a batch. It has the results of the good items even if others failed. */
export interface BatchReply extends Extract<EngineReply, { kind: "data" }> {
  readonly data: Readonly<Record<string, unknown>>;
  readonly failedItems?: FailedItems;
}

/** At most `CONCURRENT_ITEMS` at once, results in order. Other requests run between the slices. */
export async function serveItems<T>(
  items: readonly T[],
  serve: (item: T) => Promise<ItemResult>,
): Promise<readonly ItemResult[]> {
  const results: ItemResult[] = [];
  for (let start = 0; start < items.length; start += CONCURRENT_ITEMS) {
    if (start > 0) await pause();
    const slice = items.slice(start, start + CONCURRENT_ITEMS);
    results.push(...await Promise.all(slice.map((item) => serve(item))));
  }
  return results;
}

/**
 * One item after another, for synchronous work. Other requests run after each slice of
 * `HASH_SLICE_BYTES` characters, as `sizeOf` counts them.
 */
export async function serveInTurn<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  serve: (item: T) => Promise<ItemResult>,
): Promise<readonly ItemResult[]> {
  const results: ItemResult[] = [];
  let characters = 0;
  for (const item of items) {
    characters += sizeOf(item);
    if (characters > HASH_SLICE_BYTES) {
      await pause();
      characters = 0;
    }
    results.push(await serve(item));
  }
  return results;
}

/** The reply to a request without a list. Throws `invalid_request` when its one item was refused. */
export function singleReply(results: readonly ItemResult[]): BatchReply {
  const result = results[0];
  if (result === undefined) throw new RangeError("a request has at least one item");
  if (result.kind === "refused") {
    throw result.isFault === true ? listedMistake(result.reason) : invalidRequest(result.reason);
  }
  return { kind: "data", data: result.value };
}

/**
 * The reply in the form of the request: a list, or the one result, which throws as `singleReply`.
 * `onError`: members that a failed item of a list has besides `error`, as Vault's clients expect.
 */
export function replyTo(
  { items, isList }: Batch<{ readonly reference: string }>,
  results: readonly ItemResult[],
  onError: Readonly<Record<string, unknown>> = {},
): BatchReply {
  if (!isList) return singleReply(results);
  const data = {
    batch_results: results.map((result, index) => ({
      ...(result.kind === "usable" ? result.value : { ...onError, error: result.reason }),
      reference: items[index]?.reference ?? "",
    })),
  };
  return { kind: "data", data };
}

/** Marks the reply when items failed; the caller's own code counts only if others succeeded. */
export function markFailures(
  reply: BatchReply,
  results: readonly ItemResult[],
  asked: number | undefined,
): BatchReply {
  const succeeded = results.filter(({ kind }) => kind === "usable").length;
  if (succeeded === results.length) return reply;
  if (asked === undefined || succeeded === 0) {
    return { ...reply, failedItems: { responseCode: null } };
  }
  if (isResponseCode(asked)) return { ...reply, failedItems: { responseCode: asked } };
  const warnings = [...reply.warnings ?? [], UNUSABLE_CODE];
  return { ...reply, warnings, failedItems: { responseCode: null } };
}

function isResponseCode(code: number): boolean {
  return code >= REPLY_STATUS_MIN && code <= REPLY_STATUS_MAX && !BODYLESS_CODES.includes(code);
}

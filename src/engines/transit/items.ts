/**
 * `batch_input` of transit as callers send it, in one form whether they sent one item or many. Pure.
 */

import { invalidRequest } from "../../errors.ts";
import { anything, integer, type Sent, text } from "../../wire/fields.ts";
import type { BatchItem, ItemReader } from "./item_readers.ts";

export const ASSOCIATED_DATA = text("data in base64 that the ciphertext is bound to");
export const CONTEXT = text("base64, checked and otherwise ignored: there are no derived keys");
export const BATCH_FIELDS = {
  context: CONTEXT,
  associated_data: ASSOCIATED_DATA,
  batch_input: anything(
    "list of objects with the fields of one item; those of the request then do not count",
    "objects",
  ),
};
export const FAILURE_FIELDS = {
  partial_failure_response_code: integer("status of the reply when some items failed but not all"),
};

/** What a request of one item may contain, and the list in place of it. */
export interface SentBatch extends Sent<typeof BATCH_FIELDS>, Sent<typeof FAILURE_FIELDS> {
  readonly plaintext?: string | undefined;
  readonly ciphertext?: string | undefined;
  readonly key_version?: number | undefined;
}

export interface Batch<Item> {
  readonly items: readonly Item[];
  /** False: one item, sent as fields of the request and answered as such. */
  readonly isList: boolean;
}

/** The items of `list` if it was sent, else `single`. Throws `invalid_request`, as `readItems`. */
export function listOrSingle<Item>(
  list: unknown,
  single: Item,
  readItems: ItemReader<Item>,
): Batch<Item> {
  const isList = (list ?? null) !== null;
  return { items: isList ? readItems(list) : [single], isList };
}

/** Throws `invalid_request` for a list that cannot be read. */
export function readBatch(sent: SentBatch, readItems: ItemReader<BatchItem>): Batch<BatchItem> {
  const batch = listOrSingle(sent.batch_input, singleItem(sent), readItems);
  refuseMixedContexts(batch.items);
  return batch;
}

function singleItem(sent: SentBatch): BatchItem {
  return {
    plaintext: sent.plaintext ?? "",
    ciphertext: sent.ciphertext ?? "",
    context: sent.context ?? "",
    associatedData: sent.associated_data ?? "",
    keyVersion: sent.key_version ?? 0,
    reference: "",
  };
}

function refuseMixedContexts(items: readonly BatchItem[]): void {
  const withContext = items.filter(({ context }) => context !== "").length;
  if (withContext !== 0 && withContext !== items.length) {
    throw invalidRequest("context should be set either in all the request blocks or in none");
  }
}

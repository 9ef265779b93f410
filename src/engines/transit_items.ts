/**
 * `batch_input` of transit as callers send it, in one form whether they sent one item or many
 * (openbao builtin/logical/transit/path_encrypt.go). Pure. A list that cannot be read is refused as
 * a whole; no message carries a value.
 */

import { invalidRequest } from "../errors.ts";
import { anything, integer, type Sent, text } from "./fields.ts";
import { isJsonObject, type JsonObject, ownMember } from "./json_record.ts";

/**
 * An item costs up to 100 µs, and ChaCha20-Poly1305 works without a pause in which others are
 * served: more items would stop them for longer than 2 s.
 */
const BATCH_ITEMS_MAX = 16_384;
/** A batch may have as many faults as items. */
const FAULTS_SHOWN = 16;

export const ASSOCIATED_DATA = text("data in base64 that the ciphertext is bound to");
export const BATCH_FIELDS = {
  context: text("base64, checked and otherwise ignored: there are no derived keys"),
  associated_data: ASSOCIATED_DATA,
  batch_input: anything(
    "list of objects with the fields of one item; those of the request then do not count",
  ),
};
export const FAILURE_FIELDS = {
  partial_failure_response_code: integer("status of the reply when some items failed but not all"),
};

/** What a request of one item may say of it, and the batch in place of it. */
export interface SentBatch extends Sent<typeof BATCH_FIELDS>, Sent<typeof FAILURE_FIELDS> {
  readonly plaintext?: string | undefined;
  readonly ciphertext?: string | undefined;
  readonly nonce?: string | undefined;
  readonly key_version?: number | undefined;
}

/** Texts are empty and the number is 0 where nothing was sent. */
export interface BatchItem {
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly context: string;
  readonly nonce: string;
  readonly associatedData: string;
  readonly keyVersion: number;
  readonly reference: string;
}

export interface Batch {
  readonly items: readonly BatchItem[];
  /** False: one item, sent as fields of the request and answered as such. */
  readonly isList: boolean;
  /** `partial_failure_response_code`; undefined when not sent. */
  readonly responseCode: number | undefined;
}

/**
 * Throws `invalid_request` for a list that cannot be read. `required`: what each item of a list must
 * have, null when a missing one fails alone.
 */
export function readBatch(
  sent: SentBatch,
  required: "plaintext" | "ciphertext" | null,
): Batch {
  const list = sent.batch_input ?? null;
  const responseCode = sent.partial_failure_response_code;
  if (list === null) return { items: [singleItem(sent)], isList: false, responseCode };
  const items = batchItems(list, required);
  if (items.length === 0) throw invalidRequest("missing batch input to process");
  refuseMixedContexts(items);
  return { items, isList: true, responseCode };
}

function singleItem(sent: SentBatch): BatchItem {
  return {
    plaintext: sent.plaintext ?? "",
    ciphertext: sent.ciphertext ?? "",
    context: sent.context ?? "",
    nonce: sent.nonce ?? "",
    associatedData: sent.associated_data ?? "",
    keyVersion: sent.key_version ?? 0,
    reference: "",
  };
}

function batchItems(
  sent: unknown,
  required: "plaintext" | "ciphertext" | null,
): readonly BatchItem[] {
  if (!Array.isArray(sent)) {
    throw unreadable([`source data must be an array or slice, got ${kindOf(sent)}`]);
  }
  if (sent.length > BATCH_ITEMS_MAX) {
    throw unreadable([`at most ${BATCH_ITEMS_MAX} items are taken, got ${sent.length}`]);
  }
  const faults: string[] = [];
  const items = sent.map((item: unknown, index) => {
    if (!isJsonObject(item)) {
      throw unreadable([`[${index}] expected a map, got '${kindOf(item)}'`]);
    }
    if (required !== null && !Object.hasOwn(item, required)) {
      const purpose = required === "plaintext" ? "encrypt" : "decrypt";
      faults.push(`'[${index}].${required}' missing ${required} to ${purpose}`);
    }
    return batchItem(item, (name, wanted, value) => {
      const got = kindOf(value);
      faults.push(
        `'[${index}].${name}' expected type '${wanted}', got unconvertible type '${got}'`,
      );
    });
  });
  if (faults.length > 0) throw unreadable(faults);
  return items;
}

/** Unlike fields of a request, those of an item are strictly typed. */
function batchItem(
  item: JsonObject,
  report: (name: string, wanted: string, value: unknown) => void,
): BatchItem {
  const text = (name: string): string => {
    const value = ownMember(item, name);
    if (typeof value === "string") return value;
    // Nobody means to encrypt nothing by sending null.
    if (value === undefined || (value === null && name !== "plaintext")) return "";
    report(name, "string", value);
    return "";
  };
  const sentVersion = ownMember(item, "key_version") ?? 0;
  const isVersion = typeof sentVersion === "number" && Number.isSafeInteger(sentVersion);
  if (!isVersion) report("key_version", "int", sentVersion);
  return {
    plaintext: text("plaintext"),
    ciphertext: text("ciphertext"),
    context: text("context"),
    nonce: text("nonce"),
    associatedData: text("associated_data"),
    keyVersion: isVersion ? sentVersion : 0,
    reference: text("reference"),
  };
}

function refuseMixedContexts(items: readonly BatchItem[]): void {
  const withContext = items.filter(({ context }) => context !== "").length;
  if (withContext !== 0 && withContext !== items.length) {
    throw invalidRequest("context should be set either in all the request blocks or in none");
  }
}

/** The reference reports these as faults of its own; the caller's mistake is 400 here. */
function unreadable(faults: readonly string[]): Error {
  return invalidRequest(`failed to parse batch input: ${faults.slice(0, FAULTS_SHOWN).join("\n")}`);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
}

/**
 * `batch_input` of transit as callers send it, in one form whether they sent one item or many
 * (openbao builtin/logical/transit/path_encrypt.go). Pure. A list that cannot be read is refused as
 * a whole; no message carries a value.
 */

import { invalidRequest, type VaultError } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { BATCH_ITEMS_MAX } from "../../limits.ts";
import { anything, integer, type Sent, text } from "../../wire/fields.ts";
import { typeOfValue } from "../../wire/go_text.ts";
import { isJsonObject, isNumberText, type JsonObject, ownMember } from "../../wire/json_value.ts";

/** A batch may have as many faults as items. */
const FAULTS_SHOWN = 16;

export const ASSOCIATED_DATA = text("data in base64 that the ciphertext is bound to");
export const BATCH_FIELDS = {
  context: text("base64, checked and otherwise ignored: there are no derived keys"),
  associated_data: ASSOCIATED_DATA,
  batch_input: anything(
    "list of objects with the fields of one item; those of the request then do not count",
    "objects",
  ),
};
export const FAILURE_FIELDS = {
  partial_failure_response_code: integer("status of the reply when some items failed but not all"),
};

/** What a request of one item may say of it, and the batch in place of it. */
export interface SentBatch extends Sent<typeof BATCH_FIELDS>, Sent<typeof FAILURE_FIELDS> {
  readonly plaintext?: string | undefined;
  readonly ciphertext?: string | undefined;
  readonly key_version?: number | undefined;
}

/** Texts are empty and the number is 0 where nothing was sent. */
export interface BatchItem {
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly context: string;
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

/** How the items of a list are read: all of them, or an error for the list as a whole. */
export type ItemReader = (sent: unknown) => readonly BatchItem[];

/** Throws `invalid_request` for a list that cannot be read. */
export function readBatch(sent: SentBatch, readItems: ItemReader): Batch {
  const list = sent.batch_input ?? null;
  const responseCode = sent.partial_failure_response_code;
  if (list === null) return { items: [singleItem(sent)], isList: false, responseCode };
  const items = readItems(list);
  if (items.length === 0) throw invalidRequest("missing batch input to process");
  refuseMixedContexts(items);
  return { items, isList: true, responseCode };
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

/** Each item must have the member that is called as `required`. */
export function strictItems(required: "plaintext" | "ciphertext"): ItemReader {
  return (sent) => {
    if (!Array.isArray(sent)) {
      throw unreadable([`source data must be an array or slice, got ${typeOfValue(sent)}`]);
    }
    refuseManyItems(sent);
    const faults: string[] = [];
    const items = sent.map((item: unknown, index) => {
      if (!isJsonObject(item)) {
        throw unreadable([`[${index}] expected a map, got '${typeOfValue(item)}'`]);
      }
      return strictItem(item, index, required, faults);
    });
    if (faults.length > 0) throw unreadable(faults);
    return items;
  };
}

/** Unlike fields of a request, those of an item are strictly typed. */
function strictItem(
  item: JsonObject,
  index: number,
  required: "plaintext" | "ciphertext",
  faults: string[],
): BatchItem {
  const text = (name: string): string => {
    if (name === required && !Object.hasOwn(item, name)) {
      const purpose = required === "plaintext" ? "encrypt" : "decrypt";
      faults.push(`'[${index}].${required}' missing ${required} to ${purpose}`);
    }
    const value = ownMember(item, name);
    if (typeof value === "string") return value;
    // Nobody means to encrypt nothing by sending null.
    if (value === undefined || (value === null && name !== "plaintext")) return "";
    faults.push(`'[${index}].${name}' ${unconvertible("string", value)}`);
    return "";
  };
  const context = text("context");
  const ciphertext = text("ciphertext");
  const plaintext = text("plaintext");
  const keyVersion = versionOf(item, (value) => {
    faults.push(
      isNumber(value)
        ? `error decoding json.Number into [${index}].key_version: ${unparsable(value)}`
        : `'[${index}].key_version' ${unconvertible("int", value)}`,
    );
  });
  const associatedData = text("associated_data");
  const reference = text("reference");
  return { plaintext, ciphertext, context, associatedData, keyVersion, reference };
}

/** What items may be that the reference reads by another decoder: null is an empty item there. */
export const lenientItems: ItemReader = (sent) => {
  if (!Array.isArray(sent)) {
    throw unreadable([`'' source data must be an array or slice, got ${kindOfValue(sent)}`]);
  }
  refuseManyItems(sent);
  const faults: string[] = [];
  const items = sent.map((item: unknown, index) => {
    if (item === null) return lenientItem({}, index, faults);
    if (isJsonObject(item)) return lenientItem(item, index, faults);
    faults.push(`'[${index}]' expected a map or struct, got "${kindOfValue(item)}"`);
    return lenientItem({}, index, faults);
  });
  if (faults.length > 0) {
    const shown = faults.slice(0, FAULTS_SHOWN);
    throw unreadable([`decoding failed due to the following error(s):\n\n${shown.join("\n")}`]);
  }
  return items;
};

/** A number is taken as its text. */
function lenientItem(item: JsonObject, index: number, faults: string[]): BatchItem {
  const text = (name: string): string => {
    const value = ownMember(item, name) ?? "";
    if (typeof value === "string") return value;
    if (isNumber(value)) return JSON.stringify(value);
    faults.push(`'[${index}].${name}' ${unconvertible("string", value)}`);
    return "";
  };
  const context = text("context");
  const plaintext = text("plaintext");
  const ciphertext = text("ciphertext");
  const keyVersion = versionOf(item, (value) => {
    const fault = isNumber(value)
      ? `cannot parse value as 'int': ${unparsable(value)}`
      : unconvertible("int", value);
    faults.push(`'[${index}].key_version' ${fault}`);
  });
  const associatedData = text("associated_data");
  const reference = text("reference");
  return { plaintext, ciphertext, context, associatedData, keyVersion, reference };
}

function versionOf(item: JsonObject, report: (value: unknown) => void): number {
  const sent = ownMember(item, "key_version") ?? 0;
  if (typeof sent === "number" && Number.isSafeInteger(sent)) return sent;
  report(sent);
  return 0;
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || isNumberText(value);
}

function unconvertible(wanted: string, value: unknown): string {
  return `expected type '${wanted}', got unconvertible type '${typeOfValue(value)}'`;
}

function unparsable(value: unknown): string {
  return `strconv.ParseInt: parsing "${JSON.stringify(value)}": invalid syntax`;
}

/** Go's kinds: a number that came as JSON is of the kind of texts. */
function kindOfValue(value: unknown): string {
  if (typeof value === "string" || isNumber(value)) return "string";
  if (typeof value === "boolean") return "bool";
  return Array.isArray(value) ? "slice" : "map";
}

function refuseManyItems(items: readonly unknown[]): void {
  if (items.length <= BATCH_ITEMS_MAX) return;
  throw invalidRequest(
    `failed to parse batch input: at most ${BATCH_ITEMS_MAX} items are taken, got ${items.length}`,
  );
}

function refuseMixedContexts(items: readonly BatchItem[]): void {
  const withContext = items.filter(({ context }) => context !== "").length;
  if (withContext !== 0 && withContext !== items.length) {
    throw invalidRequest("context should be set either in all the request blocks or in none");
  }
}

function unreadable(faults: readonly string[]): VaultError {
  return listedMistake(`failed to parse batch input: ${faults.slice(0, FAULTS_SHOWN).join("\n")}`);
}

/**
 * How the items of a `batch_input` are read (openbao builtin/logical/transit/path_encrypt.go). The
 * reference has several decoders that differ in what they take and in their words. Pure. A list that
 * cannot be read is refused as a whole; no message carries a value other than a number.
 */

import { invalidRequest, type VaultError } from "../../errors.ts";
import { BATCH_ITEMS_MAX } from "../../limits.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { typeOfValue } from "../../wire/go_text.ts";
import { isJsonObject, isNumberText, type JsonObject, ownMember } from "../../wire/json_value.ts";

/** A batch may have as many faults as items. */
const FAULTS_SHOWN = 16;

/** Texts are empty and the number is 0 where nothing was sent. */
export interface BatchItem {
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly context: string;
  readonly associatedData: string;
  readonly keyVersion: number;
  readonly reference: string;
}

/** Undefined differs from empty here: it was not sent. */
export interface TextItem {
  readonly input: string | undefined;
  readonly hmac?: string | undefined;
  readonly signature?: string | undefined;
  readonly reference: string;
}

/** All items of a list. Throws `invalid_request` for the list as a whole. */
export type ItemReader<Item> = (sent: unknown) => readonly Item[];

/** Reads items that must have the member called `required`, null or not. */
export function strictItems(required: "plaintext" | "ciphertext"): ItemReader<BatchItem> {
  return (sent) => {
    if (!Array.isArray(sent)) {
      throw unreadable([`source data must be an array or slice, got ${typeOfValue(sent)}`]);
    }
    checkCount(sent);
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

/**
 * Unlike fields of a request, those of an item are strictly typed. Members are read in the order in
 * which the reference reports their faults, here as in `lenientItem`.
 */
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
    // Sending null never means to encrypt nothing.
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

/** Rewrap's decoder: null is an empty item or text. */
export const lenientItems: ItemReader<BatchItem> = (sent) => {
  const list = checkList(sent);
  const faults: string[] = [];
  const items = list.map((item, index) => {
    if (item === null) return lenientItem({}, index, faults);
    if (isJsonObject(item)) return lenientItem(item, index, faults);
    faults.push(`'[${index}]' expected a map or struct, got "${kindOfValue(item)}"`);
    return lenientItem({}, index, faults);
  });
  if (faults.length > 0) throw undecodable(faults);
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

/**
 * The decoder of `hmac` and `verify`: items are objects of texts. Null is an empty item or text, a
 * number is taken as its text. `kind`: what the reference calls an item.
 */
export function textItems(kind: string): ItemReader<TextItem> {
  return (sent) => checkList(sent).map((item, index) => textItem(item ?? {}, index, kind));
}

function textItem(item: unknown, index: number, kind: string): TextItem {
  if (!isJsonObject(item)) throw unconvertibleItem(`[${index}]`, `transit.${kind}`, item);
  const texts = new Map(
    Object.entries(item).map(([name, value]) => {
      if (typeof value === "string") return [name, value];
      if (value === null) return [name, ""];
      if (isNumber(value)) return [name, JSON.stringify(value)];
      throw unconvertibleItem(`[${index}][${name}]`, "string", value);
    }),
  );
  return {
    input: texts.get("input"),
    hmac: texts.get("hmac"),
    signature: texts.get("signature"),
    reference: texts.get("reference") ?? "",
  };
}

function unconvertibleItem(where: string, wanted: string, value: unknown): VaultError {
  return undecodable([`'${where}' ${unconvertible(wanted, value)}`]);
}

function checkList(sent: unknown): readonly unknown[] {
  if (!Array.isArray(sent)) {
    throw unreadable([`'' source data must be an array or slice, got ${kindOfValue(sent)}`]);
  }
  checkCount(sent);
  return sent;
}

function checkCount(items: readonly unknown[]): void {
  if (items.length === 0) throw invalidRequest("missing batch input to process");
  if (items.length <= BATCH_ITEMS_MAX) return;
  throw invalidRequest(
    `failed to parse batch input: at most ${BATCH_ITEMS_MAX} items are taken, got ${items.length}`,
  );
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || isNumberText(value);
}

/** Go's kinds: a number that came as JSON is of the kind of texts. */
function kindOfValue(value: unknown): string {
  if (typeof value === "string" || isNumber(value)) return "string";
  if (typeof value === "boolean") return "bool";
  return Array.isArray(value) ? "slice" : "map";
}

function unconvertible(wanted: string, value: unknown): string {
  return `expected type '${wanted}', got unconvertible type '${typeOfValue(value)}'`;
}

function unparsable(value: unknown): string {
  return `strconv.ParseInt: parsing "${JSON.stringify(value)}": invalid syntax`;
}

function undecodable(faults: readonly string[]): VaultError {
  const shown = faults.slice(0, FAULTS_SHOWN).join("\n");
  return unreadable([`decoding failed due to the following error(s):\n\n${shown}`]);
}

function unreadable(faults: readonly string[]): VaultError {
  return listedMistake(`failed to parse batch input: ${faults.slice(0, FAULTS_SHOWN).join("\n")}`);
}

/**
 * `decrypt/` and `rewrap/` of transit. All items of a request are decrypted on one state of the key,
 * the one loaded for it. Damage, another key and other associated data look alike.
 */

import { encodeBase64, wipe } from "../../crypto/bytes.ts";
import { invalidRequest } from "../../errors.ts";
import type { EngineReply } from "../engine.ts";
import { type Sent, text } from "../../wire/fields.ts";
import { checkBase64, type Checked, refused, usable } from "./base64.ts";
import { type ItemResult, markFailures, replyTo, serveItems } from "./batch.ts";
import { decryptText } from "./cipher.ts";
import { encryptItem, KEY_VERSION, keyNotFound } from "./encrypt.ts";
import { type BatchItem, lenientItems, strictItems } from "./item_readers.ts";
import { BATCH_FIELDS, FAILURE_FIELDS, readBatch } from "./items.ts";
import type { TransitStore } from "./store.ts";

export const DECRYPT_FIELDS = {
  ciphertext: text("what to decrypt, as it was answered"),
  ...BATCH_FIELDS,
  ...FAILURE_FIELDS,
};
export const REWRAP_FIELDS = {
  ciphertext: text("what to encrypt anew, as it was answered"),
  key_version: KEY_VERSION,
  ...BATCH_FIELDS,
};

interface Decryption {
  readonly ciphertext: string;
  /** In base64, as it was sent. */
  readonly associatedData: string;
  readonly keyVersion: number;
}

export async function decrypt(
  store: TransitStore,
  name: string,
  sent: Sent<typeof DECRYPT_FIELDS>,
): Promise<EngineReply> {
  const batch = readBatch(sent, strictItems("ciphertext"));
  const inputs = batch.items.map(decryptionOf);
  if (!batch.isList) refuseFirst(inputs);
  const loaded = await store.load(name);
  if (loaded === null) throw keyNotFound();
  const results = await serveItems(inputs, async (input) => {
    if (input.kind === "refused") return input;
    const { ciphertext, associatedData } = input.value;
    const opened = await decryptText(loaded, ciphertext, associatedData);
    if (opened.kind === "refused") return opened;
    const plaintext = encodeBase64(opened.value);
    wipe(opened.value);
    return usable({ plaintext });
  });
  const reply = replyTo(batch, results, { plaintext: "" });
  return markFailures(reply, results, sent.partial_failure_response_code);
}

/**
 * Decrypts and encrypts anew. Unlike the reference it takes `associated_data`, which the new
 * ciphertext is bound to as well (asked for in hashicorp/vault#31791). Like there, the reply to a
 * batch does not fail with its items.
 */
export async function rewrap(
  store: TransitStore,
  name: string,
  sent: Sent<typeof REWRAP_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  const batch = readBatch(sent, lenientItems);
  const inputs = batch.items.map(decryptionOf);
  if (!batch.isList) refuseFirst(inputs);
  const loaded = await store.loadRotated(name, nowMs);
  if (loaded === null) throw keyNotFound();
  const results = await serveItems(inputs, async (input): Promise<ItemResult> => {
    if (input.kind === "refused") return input;
    const { ciphertext, associatedData, keyVersion } = input.value;
    const opened = await decryptText(loaded, ciphertext, associatedData);
    if (opened.kind === "refused") return opened;
    const plaintext = opened.value;
    try {
      return await encryptItem(store, loaded, { plaintext, associatedData, keyVersion });
    } finally {
      wipe(plaintext);
    }
  });
  return replyTo(batch, results);
}

function decryptionOf(item: BatchItem): Checked<Decryption> {
  if (item.ciphertext === "") return refused("missing ciphertext to decrypt");
  const context = checkBase64(item.context);
  if (context.kind === "refused") return context;
  const { ciphertext, associatedData, keyVersion } = item;
  return usable({ ciphertext, associatedData, keyVersion });
}

function refuseFirst(inputs: readonly Checked<unknown>[]): void {
  const first = inputs[0];
  if (first?.kind === "refused") throw invalidRequest(first.reason);
}

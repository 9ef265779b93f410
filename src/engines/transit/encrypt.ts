/**
 * `encrypt/` and `datakey/` of transit. All items of a request are encrypted on one state of the key,
 * the one loaded for it. Keys are never derived here: the context of an item is checked and
 * otherwise ignored, as in Vault if a key is not derived.
 */

import { encodeBase64, wipe } from "../../crypto/bytes.ts";
import { invalidRequest, type VaultError } from "../../errors.ts";
import type { EngineReply, EngineRequest } from "../engine.ts";
import { integer, type Sent, text } from "../../wire/fields.ts";
import { checkAssociatedData, checkBase64, type Checked, usable } from "./base64.ts";
import { type ItemResult, markFailures, replyTo, serveItems, singleReply } from "./batch.ts";
import { chooseVersion, encryptBytes } from "./cipher.ts";
import { type BatchItem, strictItems } from "./item_readers.ts";
import {
  ASSOCIATED_DATA,
  type Batch,
  BATCH_FIELDS,
  CONTEXT,
  FAILURE_FIELDS,
  readBatch,
} from "./items.ts";
import { isRefusedByEncrypt, type KeyType } from "./key_types.ts";
import { derivationRefused, NEW_KEY_FIELDS, newKeyType } from "./keys.ts";
import { loadKeysConfig } from "./mount_config.ts";
import { type LoadedKey, type TransitStore, unstoredKey } from "./store.ts";
import { newTransitKey } from "./versions.ts";

const LATE_CREATION = "Attempted creation of the key during the encrypt operation, but it was " +
  "created beforehand";
const DATA_KEY_BITS: readonly number[] = [128, 256, 512];
const DEFAULT_DATA_KEY_BITS = 256;

export const KEY_VERSION = integer("version of the key to encrypt with; 0 for the latest");
export const ENCRYPT_FIELDS = {
  plaintext: text("what to encrypt, in base64"),
  key_version: KEY_VERSION,
  ...BATCH_FIELDS,
  ...FAILURE_FIELDS,
  type: NEW_KEY_FIELDS.type,
  convergent_encryption: NEW_KEY_FIELDS.convergent_encryption,
};
export const DATA_KEY_FIELDS = {
  context: CONTEXT,
  associated_data: ASSOCIATED_DATA,
  key_version: KEY_VERSION,
  bits: integer("bits of the new key: 128, 256 or 512"),
};

type SentEncryption = Sent<typeof ENCRYPT_FIELDS>;

export interface Encryption {
  readonly plaintext: Uint8Array;
  /** In base64, as it was sent. */
  readonly associatedData: string;
  readonly keyVersion: number;
}

/** `create` makes a missing key if at least one item can be encrypted. */
export async function encrypt(
  store: TransitStore,
  name: string,
  sent: SentEncryption,
  request: EngineRequest,
): Promise<EngineReply> {
  const batch = readBatch(sent, strictItems("plaintext"));
  if (!batch.isList && sent.plaintext === undefined) {
    throw invalidRequest("missing plaintext to encrypt");
  }
  const inputs = batch.items.map(encryptionOf);
  const target = await encryptionTarget(store, name, sent, request, batch, inputs);
  const results = await serveItems(inputs, async (input) => {
    if (input.kind === "refused") return input;
    return await encryptItem(store, target.loaded, input.value);
  });
  const reply = { ...replyTo(batch, results), warnings: target.warnings };
  return markFailures(reply, results, sent.partial_failure_response_code);
}

/** A random key, encrypted, and with `isPlaintext` also in plaintext. */
export async function generateDataKey(
  store: TransitStore,
  name: string,
  isPlaintext: boolean,
  sent: Sent<typeof DATA_KEY_FIELDS>,
  nowMs: number,
): Promise<EngineReply> {
  const context = checkBase64(sent.context ?? "");
  if (context.kind === "refused") throw invalidRequest("failed to base64-decode context");
  const associatedData = sent.associated_data ?? "";
  const keyVersion = sent.key_version ?? 0;
  const bits = sent.bits ?? DEFAULT_DATA_KEY_BITS;
  const loaded = await store.loadRotated(name, nowMs);
  if (loaded === null) throw keyNotFound();
  if (!DATA_KEY_BITS.includes(bits)) throw invalidRequest("invalid bit length");
  const plaintext = store.random(bits / 8);
  const input = { plaintext, associatedData, keyVersion };
  try {
    const reply = singleReply([await encryptItem(store, loaded, input)]);
    if (!isPlaintext) return reply;
    return { ...reply, data: { ...reply.data, plaintext: encodeBase64(plaintext) } };
  } finally {
    wipe(plaintext);
  }
}

/** `ciphertext` and `key_version`, or the reason why the item is refused. */
export async function encryptItem(
  store: TransitStore,
  loaded: LoadedKey,
  input: Encryption,
): Promise<ItemResult> {
  const version = chooseVersion(loaded.key, input.keyVersion);
  if (version.kind === "refused") return version;
  const associatedData = checkAssociatedData(input.associatedData);
  if (associatedData.kind === "refused") return associatedData;
  const ciphertext = await encryptBytes(
    loaded,
    store.random,
    version.value,
    input.plaintext,
    associatedData.value,
  );
  return usable({ ciphertext, key_version: version.value });
}

export function keyNotFound(): VaultError {
  return invalidRequest("encryption key not found");
}

/** The key to encrypt with. Creates none for a request in which every item is refused. */
async function encryptionTarget(
  store: TransitStore,
  name: string,
  sent: SentEncryption,
  request: EngineRequest,
  batch: Batch<BatchItem>,
  inputs: readonly Checked<Encryption>[],
): Promise<{ readonly loaded: LoadedKey; readonly warnings: readonly string[] }> {
  const found = await store.loadRotated(name, request.nowMs);
  const creates = request.operation === "create";
  if (found !== null) return { loaded: found, warnings: creates ? [LATE_CREATION] : [] };
  if (!creates) throw keyNotFound();
  const hasContext = batch.items.some(({ context }) => context !== "");
  if (sent.convergent_encryption === true && !hasContext) {
    throw invalidRequest(
      "convergent encryption requires derivation to be enabled, so context is required",
    );
  }
  const { disableUpsert } = await loadKeysConfig(store.storage);
  const type = upsertedKeyType(sent);
  if (disableUpsert) throw keyNotFound();
  if (hasContext) throw derivationRefused();
  const settings = {
    type,
    exportable: false,
    allowPlaintextBackup: false,
    autoRotateSeconds: 0,
  };
  const key = newTransitKey(settings, store.random, request.nowMs);
  const isServed = inputs.some((input) =>
    input.kind === "usable" && chooseVersion(key, input.value.keyVersion).kind === "usable" &&
    checkAssociatedData(input.value.associatedData).kind === "usable"
  );
  if (!isServed) return { loaded: unstoredKey(key), warnings: [] };
  const { loaded, isNew } = await store.create(name, key);
  return { loaded, warnings: isNew ? [] : [LATE_CREATION] };
}

/** The type of a key that encrypting makes. Like the reference, refuses some types by name. */
function upsertedKeyType(sent: SentEncryption): KeyType {
  if (sent.type !== undefined && isRefusedByEncrypt(sent.type)) {
    throw invalidRequest(`key type ${sent.type} not supported for this operation`);
  }
  return newKeyType(sent);
}

function encryptionOf(item: BatchItem): Checked<Encryption> {
  const plaintext = checkBase64(item.plaintext);
  if (plaintext.kind === "refused") return plaintext;
  const context = checkBase64(item.context);
  if (context.kind === "refused") return context;
  const { associatedData, keyVersion } = item;
  return usable({ plaintext: plaintext.value, associatedData, keyVersion });
}

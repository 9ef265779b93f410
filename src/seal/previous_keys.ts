/**
 * The wrapping keys that a Shamir seal had before its rekeys. They are kept, wrapped by the current
 * one, until no record needs them.
 */

import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "../crypto/bytes.ts";
import { wrappingKeyBytes } from "../crypto/keys.ts";
import { VaultError } from "../errors.ts";
import { PREVIOUS_SEAL_KEYS_PATH } from "../storage/record_paths.ts";
import type { Store, Write } from "../storage/store.ts";
import type { Seal, SealKey } from "./seal.ts";

/** A core record directly below the seal, with no barrier in between. */
export async function wrapRecord(seal: Seal, path: string, value: Uint8Array): Promise<Write> {
  return { path, bytes: await seal.wrap(path, value), sealKeyId: seal.keyId };
}

/** The record of the seal's previous keys, or its removal if there are none. */
export async function previousKeysRecord(seal: Seal): Promise<Write> {
  const path = PREVIOUS_SEAL_KEYS_PATH;
  if (seal.previous.length === 0) return { path, bytes: null, sealKeyId: null };
  const json = seal.previous.map((key) => ({ id: key.id, key: encodeBase64(key.bytes) }));
  return await wrapRecord(seal, path, encodeUtf8(JSON.stringify(json)));
}

/** The keys in that record. Throws `unknown_key` if another seal key wrapped it. */
export async function readPreviousKeys(store: Store, seal: Seal): Promise<readonly SealKey[]> {
  const record = await store.get(PREVIOUS_SEAL_KEYS_PATH);
  return record === null ? [] : await unwrapPreviousKeys(seal, record.bytes);
}

/** The keys in the bytes of that record. */
export async function unwrapPreviousKeys(
  seal: Seal,
  bytes: Uint8Array,
): Promise<readonly SealKey[]> {
  const plaintext = await seal.unwrap(PREVIOUS_SEAL_KEYS_PATH, bytes);
  const json = JSON.parse(decodeUtf8(plaintext)) as readonly { id: string; key: string }[];
  return json.map((key) => {
    const bytes = decodeBase64(key.key);
    if (bytes === null) {
      throw new VaultError("record_malformed", "a previous seal key is malformed");
    }
    return { id: key.id, bytes: wrappingKeyBytes(bytes) };
  });
}

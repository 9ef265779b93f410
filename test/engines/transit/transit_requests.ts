/** Opens a transit engine in memory and sends the requests that its tests repeat. */

import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM } from "node:crypto";
import { decodeUtf8, encodeUtf8 } from "../../../src/crypto/bytes.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import type { KeyType } from "../../../src/engines/transit/key_types.ts";
import { createTransit } from "../../../src/engines/transit/transit.ts";
import { createMemoryMountRecords, type MemoryMountRecords } from "../memory_engine_storage.ts";
import { type Data, dataOf, send } from "../engine_requests.ts";

export const HOUR_MS = 3_600_000;

export interface Site {
  readonly storage: MemoryMountRecords;
  readonly transit: Engine;
  /** The same engine in another process, on the same records. */
  readonly rival: Engine;
}

export function openSite(): Site {
  const storage = createMemoryMountRecords();
  return {
    storage,
    transit: createTransit(storage, randomBytes),
    rival: createTransit(storage.rival, randomBytes),
  };
}

export const base64 = (text: string): string => btoa(String.fromCharCode(...encodeUtf8(text)));
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
export const textOf = (text: unknown): string => decodeUtf8(bytesOf(String(text)));

/** The form of errors that are internal ones in the reference, and invalid requests here. */
export const wrapped = (reason: string): string => `1 error occurred:\n\t* ${reason}\n\n`;

export async function encrypted(
  transit: Engine,
  name: string,
  text: string,
  more: Data = {},
): Promise<string> {
  const data = { plaintext: base64(text), ...more };
  const reply = dataOf(await send(transit, "update", `encrypt/${name}`, data));
  return String(reply["ciphertext"]);
}

export async function decrypted(
  transit: Engine,
  name: string,
  ciphertext: string,
  more: Data = {},
): Promise<string> {
  const reply = await send(transit, "update", `decrypt/${name}`, { ciphertext, ...more });
  return textOf(dataOf(reply)["plaintext"]);
}

/** The results of a batch, and the mark that a reply carries when items failed. */
export async function batch(
  transit: Engine,
  path: string,
  items: readonly unknown[],
  more: Data = {},
): Promise<{ results: readonly Data[]; failedItems: unknown; warnings: unknown }> {
  const reply = await send(transit, "update", path, { batch_input: items, ...more });
  const { failedItems, warnings } = reply as { failedItems?: unknown; warnings?: unknown };
  return { results: dataOf(reply)["batch_results"] as readonly Data[], failedItems, warnings };
}

interface ForeignCipher {
  encrypt(key: Uint8Array, nonce: Uint8Array): CipherGCM;
  decrypt(key: Uint8Array, nonce: Uint8Array): DecipherGCM;
}

/** Node's own ciphers, which no code of ours touches. Each type of key must have one here. */
export const FOREIGN_CIPHERS: Readonly<Record<KeyType, ForeignCipher>> = {
  "aes256-gcm96": {
    encrypt: (key, nonce) => createCipheriv("aes-256-gcm", key, nonce),
    decrypt: (key, nonce) => createDecipheriv("aes-256-gcm", key, nonce),
  },
  "chacha20-poly1305": {
    encrypt: (key, nonce) => createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 }),
    decrypt: (key, nonce) =>
      createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 }),
  },
};

/** A ciphertext in Vault's form, made without any code of ours. */
export function foreignCiphertext(
  type: KeyType,
  key: Uint8Array,
  version: number,
  text: string,
  aad = "",
): string {
  const nonce = Uint8Array.from({ length: 12 }, (_, index) => index + 1);
  const plaintext = encodeUtf8(text);
  const cipher = FOREIGN_CIPHERS[type].encrypt(key, nonce);
  cipher.setAAD(encodeUtf8(aad), { plaintextLength: plaintext.length });
  const parts = [nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  const joined = parts.flatMap((part) => [...part]);
  return `vault:v${version}:${btoa(String.fromCharCode(...joined))}`;
}

/**
 * The types of transit keys, one row each with everything that differs between them. Other files ask
 * the row and compare no type with a name, so a new type is a name and its row. Pure.
 */

import { AeadKey } from "../../crypto/aead.ts";
import type { Aead } from "../../crypto/aead_rules.ts";
import { ChaChaKey } from "../../crypto/chacha.ts";
import { KEY_BYTES, NONCE_BYTES } from "../../limits.ts";

export type KeyType = "aes256-gcm96" | "chacha20-poly1305";
export const DEFAULT_KEY_TYPE: KeyType = "aes256-gcm96";

/** HMAC keys have this length for every type of key. */
export const HMAC_KEY_BYTES = 32;

export type ExportKind =
  | "encryption-key"
  | "signing-key"
  | "hmac-key"
  | "public-key"
  | "certificate-chain";

/** The member of a key version that an export gives. */
export type ExportedMember = "bytes" | "hmacKey";

export interface KeyTypeRow {
  /** Length of the key in each version. */
  readonly keyBytes: number;
  /** Length of the random nonce in front of each ciphertext. */
  readonly nonceBytes: number;
  /** The cipher of one version. `keyBytes` is copied. */
  readonly importCipher: (keyBytes: Uint8Array) => Promise<Aead>;
  /** The message of Go's package for this cipher if a tag does not match. */
  readonly rejection: string;
  /** The number of the type in a backup (openbao sdk/helper/keysutil, `KeyType`). */
  readonly backupNumber: number;
  /**
   * The capabilities that a read of the key shows. Every type here encrypts and none signs: the
   * code for others does not exist, so no row can claim otherwise. `derivation` is what the
   * reference shows for the type; no key is derived here.
   */
  readonly supports: {
    readonly encryption: true;
    readonly decryption: true;
    readonly derivation: boolean;
    readonly signing: false;
  };
  /** What each kind of export gives; null: the type has no such key. */
  readonly exports: Readonly<Record<ExportKind, ExportedMember | null>>;
}

const SYMMETRIC: Pick<KeyTypeRow, "supports" | "exports"> = {
  supports: { encryption: true, decryption: true, derivation: true, signing: false },
  exports: {
    "encryption-key": "bytes",
    "signing-key": null,
    "hmac-key": "hmacKey",
    "public-key": null,
    "certificate-chain": null,
  },
};

export const KEY_TYPES: Readonly<Record<KeyType, KeyTypeRow>> = {
  "aes256-gcm96": {
    ...SYMMETRIC,
    keyBytes: KEY_BYTES,
    nonceBytes: NONCE_BYTES,
    importCipher: (keyBytes) => AeadKey.import(keyBytes),
    rejection: "cipher: message authentication failed",
    backupNumber: 0,
  },
  "chacha20-poly1305": {
    ...SYMMETRIC,
    keyBytes: KEY_BYTES,
    nonceBytes: NONCE_BYTES,
    importCipher: async (keyBytes) => new ChaChaKey(keyBytes),
    rejection: "chacha20poly1305: message authentication failed",
    backupNumber: 5,
  },
};

export const KEY_TYPE_NAMES = Object.keys(KEY_TYPES) as readonly KeyType[];

/**
 * Types that only the reference has, and how it refuses to make such a key while encrypting: by name,
 * or as a type that it does not know.
 */
const UNSERVED_TYPES: ReadonlyMap<string, { readonly encryptKnowsIt: boolean }> = new Map([
  ["aes128-gcm96", { encryptKnowsIt: false }],
  ["xchacha20-poly1305", { encryptKnowsIt: false }],
  ["ecdsa-p256", { encryptKnowsIt: true }],
  ["ecdsa-p384", { encryptKnowsIt: true }],
  ["ecdsa-p521", { encryptKnowsIt: true }],
  ["ed25519", { encryptKnowsIt: false }],
  ["rsa-2048", { encryptKnowsIt: false }],
  ["rsa-3072", { encryptKnowsIt: false }],
  ["rsa-4096", { encryptKnowsIt: false }],
  ["hmac", { encryptKnowsIt: false }],
  ["external-key", { encryptKnowsIt: false }],
]);

/** Null for everything that is not the name of a type served here. */
export function parseKeyType(value: unknown): KeyType | null {
  return KEY_TYPE_NAMES.find((type) => type === value) ?? null;
}

/** The type with that number in a backup; null if none is served here. */
export function keyTypeOfBackup(backupNumber: number): KeyType | null {
  return KEY_TYPE_NAMES.find((type) => KEY_TYPES[type].backupNumber === backupNumber) ?? null;
}

/** Whether the reference has keys of such a type. Fewer are served here. */
export function isReferenceKeyType(name: string): boolean {
  return parseKeyType(name) !== null || UNSERVED_TYPES.has(name);
}

/** Whether encrypting refuses by name to make a key of this type. */
export function isRefusedByEncrypt(name: string): boolean {
  return UNSERVED_TYPES.get(name)?.encryptKnowsIt === true;
}

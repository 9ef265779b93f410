/**
 * The keyring: the data keys that encrypt all entries, by term, and the settings of their rotation.
 * The root key encrypts it. Terms are only ever added.
 */

import { AeadKey } from "../crypto/aead.ts";
import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8, equalBytes } from "../crypto/bytes.ts";
import { type DataKey, dataKey, type RootKey } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { KEY_BYTES, TERM_OPERATIONS_MAX } from "../limits.ts";
import { KEYRING_PATH } from "../storage/record_paths.ts";
import { decryptEnvelope, encryptEnvelope, envelopeTerm, ROOT_KEY_TERM } from "./envelope.ts";

export interface Term {
  readonly term: number;
  readonly key: DataKey;
  readonly installTimeMs: number;
}

export interface RotationConfig {
  readonly enabled: boolean;
  readonly maxOperations: number;
  readonly intervalSeconds: number;
}

export interface Keyring {
  /** Ascending and never empty. The last one is active. */
  readonly terms: readonly Term[];
  /** Root of keyed hashes (token ids, share checks). Each use derives its own key. */
  readonly macKey: Uint8Array<ArrayBuffer>;
  /**
   * Root of credentials that a key alone proves (batch tokens). It is replaced with the root key,
   * so that an old backup and its shares cannot make a credential for today's vault.
   */
  readonly credentialKey: Uint8Array<ArrayBuffer>;
  readonly rotation: RotationConfig;
}

export function createKeyring(random: RandomBytes, nowMs: number): Keyring {
  return {
    terms: [{ term: 1, key: dataKey(random(KEY_BYTES)), installTimeMs: nowMs }],
    macKey: random(KEY_BYTES),
    credentialKey: random(KEY_BYTES),
    rotation: { enabled: true, maxOperations: TERM_OPERATIONS_MAX, intervalSeconds: 0 },
  };
}

export function activeTerm(keyring: Keyring): Term {
  const last = keyring.terms.at(-1);
  if (last === undefined) throw new VaultError("record_malformed", "the keyring has no term");
  return last;
}

/** The keyring with one more term, which becomes active. */
export function addTerm(keyring: Keyring, random: RandomBytes, nowMs: number): Keyring {
  const term = activeTerm(keyring).term + 1;
  const added = { term, key: dataKey(random(KEY_BYTES)), installTimeMs: nowMs };
  return { ...keyring, terms: [...keyring.terms, added] };
}

/** The keyring with a new credential key, for use when the root key is replaced. */
export function withNewCredentialKey(keyring: Keyring, random: RandomBytes): Keyring {
  return { ...keyring, credentialKey: random(KEY_BYTES) };
}

const VERSION = 2;

interface KeyringJson {
  readonly version: typeof VERSION;
  readonly terms: readonly { term: number; key: string; install_time_ms: number }[];
  readonly mac_key: string;
  readonly credential_key: string;
  readonly rotation: { enabled: boolean; max_operations: number; interval_seconds: number };
}

/** The keyring's stored form inside the seal: encrypted by the root key, bound to its path. */
export async function encryptKeyring(
  keyring: Keyring,
  root: RootKey,
  random: RandomBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await AeadKey.import(root);
  return await encryptEnvelope(key, ROOT_KEY_TERM, KEYRING_PATH, encodeKeyring(keyring), random);
}

function encodeKeyring(keyring: Keyring): Uint8Array<ArrayBuffer> {
  const json: KeyringJson = {
    version: VERSION,
    terms: keyring.terms.map((term) => ({
      term: term.term,
      key: encodeBase64(term.key),
      install_time_ms: term.installTimeMs,
    })),
    mac_key: encodeBase64(keyring.macKey),
    credential_key: encodeBase64(keyring.credentialKey),
    rotation: {
      enabled: keyring.rotation.enabled,
      max_operations: keyring.rotation.maxOperations,
      interval_seconds: keyring.rotation.intervalSeconds,
    },
  };
  return encodeUtf8(JSON.stringify(json));
}

/** Whether keys and settings of two keyrings are equal, in time that depends on lengths only. */
export function isSameKeyring(left: Keyring, right: Keyring): boolean {
  return equalBytes(encodeKeyring(left), encodeKeyring(right));
}

/** Inverse of `encryptKeyring`. Throws `ciphertext_rejected` for another root key's keyring. */
export async function decryptKeyring(bytes: Uint8Array, root: RootKey): Promise<Keyring> {
  if (envelopeTerm(bytes) !== ROOT_KEY_TERM) {
    throw new VaultError("record_malformed", "the keyring is not encrypted by a root key");
  }
  const plaintext = await decryptEnvelope(await AeadKey.import(root), KEYRING_PATH, bytes);
  const json = JSON.parse(decodeUtf8(plaintext)) as KeyringJson;
  if (json.version !== VERSION) {
    throw new VaultError("record_malformed", "the keyring has a version this program cannot read");
  }
  return {
    terms: json.terms.map((term) => ({
      term: term.term,
      key: dataKey(storedBytes(term.key)),
      installTimeMs: term.install_time_ms,
    })),
    macKey: storedBytes(json.mac_key),
    credentialKey: storedBytes(json.credential_key),
    rotation: {
      enabled: json.rotation.enabled,
      maxOperations: json.rotation.max_operations,
      intervalSeconds: json.rotation.interval_seconds,
    },
  };
}

function storedBytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(text);
  if (bytes === null) throw new VaultError("record_malformed", "the keyring holds a malformed key");
  return bytes;
}

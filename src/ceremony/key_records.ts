/**
 * The records that decide whether a vault opens: root key, keyring, and the wrapping keys of
 * earlier unseal keys. A change writes them together and first proves that they open.
 */

import { decryptKeyring, encryptKeyring, isSameKeyring, type Keyring } from "../barrier/keyring.ts";
import { equalBytes } from "../crypto/bytes.ts";
import { type RecoveryKey, recoveryKey, type RootKey, rootKey } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import {
  previousKeysRecord,
  readPreviousKeys,
  unwrapPreviousKeys,
  wrapRecord,
} from "../seal/previous_keys.ts";
import type { Seal } from "../seal/seal.ts";
import type { SealConfig } from "../seal/seal_config.ts";
import {
  KEYRING_PATH,
  PREVIOUS_SEAL_KEYS_PATH,
  RECOVERY_KEY_PATH,
  ROOT_KEY_PATH,
} from "../storage/record_paths.ts";
import type { Revision, Store, Write } from "../storage/store.ts";
import { SEAL_KINDS } from "../seal/kinds.ts";

/** The keys in memory of an unsealed vault, and their configuration. */
export interface KeyState {
  readonly rootKey: RootKey;
  readonly seal: Seal;
  readonly config: SealConfig;
  readonly configRevision: Revision;
}

/** Root key and keyring, wrapped by `seal`, and the previous keys if the vault keeps them. */
export async function keyRecords(
  root: RootKey,
  keyring: Keyring,
  seal: Seal,
  random: RandomBytes,
): Promise<readonly Write[]> {
  const writes = [
    await wrapRecord(seal, ROOT_KEY_PATH, root),
    await wrapRecord(seal, KEYRING_PATH, await encryptKeyring(keyring, root, random)),
  ];
  if (SEAL_KINDS[seal.type].keepsPreviousKeys) writes.push(await previousKeysRecord(seal));
  return writes;
}

export interface OpenedKeys {
  readonly rootKey: RootKey;
  readonly keyring: Keyring;
  /** The seal that opened them, with every previous key that it needs. */
  readonly seal: Seal;
}

/** Opens the stored keys. Throws `ciphertext_rejected` or `unknown_key` for another seal's. */
export async function readKeyRecords(store: Store, seal: Seal): Promise<OpenedKeys> {
  const rootRecord = await requireRecord(store, ROOT_KEY_PATH);
  const root = rootKey(await seal.unwrap(ROOT_KEY_PATH, rootRecord));
  const full = SEAL_KINDS[seal.type].keepsPreviousKeys
    ? seal.withPrevious(await readPreviousKeys(store, seal))
    : seal;
  const keyringRecord = await requireRecord(store, KEYRING_PATH);
  const keyring = await decryptKeyring(await full.unwrap(KEYRING_PATH, keyringRecord), root);
  return { rootKey: root, keyring, seal: full };
}

async function requireRecord(store: Store, path: string): Promise<Uint8Array> {
  const record = await store.get(path);
  if (record === null) throw new VaultError("record_malformed", `the record ${path} is missing`);
  return record.bytes;
}

/** The recovery key, or null if the vault has none. */
export async function readRecoveryKey(
  store: Store,
  seal: Seal,
): Promise<RecoveryKey | null> {
  const record = await store.get(RECOVERY_KEY_PATH);
  if (record === null) return null;
  return recoveryKey(await seal.unwrap(RECOVERY_KEY_PATH, record.bytes));
}

/**
 * Opens records that are about to be written as the next unseal will: with `reopened`, which knows
 * only what the holders or the settings have. Throws `ciphertext_rejected` if they would not open,
 * or would yield anything but `keys`; then nothing may be committed.
 */
export async function proveKeyRecords(
  writes: readonly Write[],
  reopened: Seal,
  keys: OpenedKeys,
): Promise<void> {
  const written = (path: string): Uint8Array => {
    const bytes = writes.find((write) => write.path === path)?.bytes;
    if (bytes === null || bytes === undefined) throw new TypeError(`no record for ${path}`);
    return bytes;
  };
  const root = rootKey(await reopened.unwrap(ROOT_KEY_PATH, written(ROOT_KEY_PATH)));
  const wrapped = await reopened.unwrap(KEYRING_PATH, written(KEYRING_PATH));
  const keyring = await decryptKeyring(wrapped, root);
  if (!equalBytes(root, keys.rootKey) || !isSameKeyring(keyring, keys.keyring)) throw unproven();
  if (!SEAL_KINDS[keys.seal.type].keepsPreviousKeys || keys.seal.previous.length === 0) return;
  const previous = await unwrapPreviousKeys(reopened, written(PREVIOUS_SEAL_KEYS_PATH));
  const isWhole = previous.length === keys.seal.previous.length &&
    keys.seal.previous.every(({ id, bytes }, index) =>
      previous[index]?.id === id && equalBytes(previous[index].bytes, bytes)
    );
  if (!isWhole) throw unproven();
}

function unproven(): VaultError {
  return new VaultError("ciphertext_rejected", "the new key does not open the new key records");
}

/** Defines the key records: few and small, so that a store can rebuild them at any time. */

import {
  backupPath,
  ceremonyPath,
  deliveryPath,
  KEYRING_PATH,
  PREVIOUS_SEAL_KEYS_PATH,
  RECOVERY_KEY_PATH,
  ROOT_KEY_PATH,
  SEAL_CONFIG_PATH,
  shareChecksPath,
} from "./record_paths.ts";

const KEY_RECORDS: ReadonlySet<string> = new Set([
  SEAL_CONFIG_PATH,
  ROOT_KEY_PATH,
  KEYRING_PATH,
  RECOVERY_KEY_PATH,
  PREVIOUS_SEAL_KEYS_PATH,
]);
const CORE_PREFIX = "core/";
const KEY_RECORD_PREFIXES: readonly string[] = [
  shareChecksPath(""),
  ceremonyPath(""),
  backupPath(""),
  deliveryPath(""),
];

/**
 * Whether the record at `path` holds keys that open the vault, or belongs to an attempt or its
 * shares. No old copy of such a record should remain.
 */
export function isKeyRecord(path: string): boolean {
  if (!path.startsWith(CORE_PREFIX)) return false;
  return KEY_RECORDS.has(path) || KEY_RECORD_PREFIXES.some((prefix) => path.startsWith(prefix));
}

/** Whether the path of a key record may begin with `prefix`. */
export function mayHoldKeyRecords(prefix: string): boolean {
  return prefix.startsWith(CORE_PREFIX) || CORE_PREFIX.startsWith(prefix);
}

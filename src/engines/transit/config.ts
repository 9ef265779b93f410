/**
 * `keys/<name>/config` of transit: which settings a request changes, and which it may not. Pure. A key
 * that may be exported or backed up in plaintext stays so.
 */

import { invalidRequest } from "../../errors.ts";
import { boolean, duration, integer, type Sent } from "../../wire/fields.ts";
import type { TransitKey } from "./records.ts";

const COUNTS_FROM_ONE =
  "since Vault 0.3 (prior to the OpenBao fork), transit key numbering starts " +
  "at 1; forcing minimum to 1";

export const CONFIG_FIELDS = {
  min_decryption_version: integer("first version that may decrypt"),
  min_encryption_version: integer("first version that may encrypt; 0 for any"),
  deletion_allowed: boolean("whether the key may be deleted"),
  exportable: boolean("whether the key may be exported; true stays"),
  allow_plaintext_backup: boolean("whether a backup in plaintext is allowed; true stays"),
  auto_rotate_period: duration("age at which a version is followed by the next; 0 for never"),
};

type Settings = Pick<
  TransitKey,
  | "minDecryptionVersion"
  | "minEncryptionVersion"
  | "deletionAllowed"
  | "exportable"
  | "allowPlaintextBackup"
  | "autoRotateSeconds"
>;

/** `changed` is null when the request asks for the current settings. Throws `invalid_request`. */
export function planKeyConfig(
  sent: Sent<typeof CONFIG_FIELDS>,
  key: TransitKey,
): { readonly changed: TransitKey | null; readonly warnings: readonly string[] } {
  const settings: Settings = {
    minDecryptionVersion: Math.max(minVersion("decryption", sent.min_decryption_version, key), 1),
    minEncryptionVersion: minVersion("encryption", sent.min_encryption_version, key),
    deletionAllowed: sent.deletion_allowed ?? key.deletionAllowed,
    exportable: sent.exportable === true || key.exportable,
    allowPlaintextBackup: sent.allow_plaintext_backup === true || key.allowPlaintextBackup,
    autoRotateSeconds: sent.auto_rotate_period ?? key.autoRotateSeconds,
  };
  const changed = { ...key, ...settings };
  refuseUnorderedMinimums(changed);
  const warnings = sent.min_decryption_version === 0 ? [COUNTS_FROM_ONE] : [];
  const names = Object.keys(settings) as (keyof Settings)[];
  const isChanged = names.some((name) => settings[name] !== key[name]);
  if (!isChanged) return { changed: null, warnings };
  refuseTrimmedMinimums(changed);
  return { changed, warnings };
}

function minVersion(
  purpose: "decryption" | "encryption",
  asked: number | undefined,
  key: TransitKey,
): number {
  const current = purpose === "decryption" ? key.minDecryptionVersion : key.minEncryptionVersion;
  if (asked === undefined) return current;
  if (asked < 0) throw invalidRequest(`min ${purpose} version cannot be negative`);
  if (asked > key.latestVersion) {
    throw invalidRequest(
      `cannot set min ${purpose} version of ${asked}, latest key version is ${key.latestVersion}`,
    );
  }
  return asked;
}

function refuseUnorderedMinimums(key: TransitKey): void {
  const { minEncryptionVersion, minDecryptionVersion } = key;
  if (minEncryptionVersion === 0 || minEncryptionVersion >= minDecryptionVersion) return;
  throw invalidRequest(
    "cannot set min encryption/decryption values; min encryption version of " +
      `${minEncryptionVersion} must be greater than or equal to min decryption version of ` +
      `${minDecryptionVersion}`,
  );
}

function refuseTrimmedMinimums(key: TransitKey): void {
  if (key.minAvailableVersion > key.minEncryptionVersion) {
    throw invalidRequest("min encryption version should not be less than min available version");
  }
  if (key.minAvailableVersion > key.minDecryptionVersion) {
    throw invalidRequest("min decryption version should not be less then min available version");
  }
}

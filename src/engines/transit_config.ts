/**
 * `keys/<name>/config` of transit: which settings a request changes, and which it may not. Pure. What
 * was made exportable or open to plaintext backup stays so.
 */

import { invalidRequest } from "../errors.ts";
import { type Fields, readBoolean, readInteger } from "./fields.ts";
import type { TransitKey } from "./transit_records.ts";

const COUNTS_FROM_ONE =
  "since Vault 0.3 (prior to the OpenBao fork), transit key numbering starts " +
  "at 1; forcing minimum to 1";

type Settings = Omit<TransitKey, "versions" | "latestVersion" | "type" | "minAvailableVersion">;

/** `changed` is null when the request asks for what is so already. Throws `invalid_request`. */
export function readKeyConfig(
  fields: Fields,
  key: TransitKey,
  autoRotateSeconds: number | undefined,
): { readonly changed: TransitKey | null; readonly warnings: readonly string[] } {
  const sentMinDecryption = readInteger(fields, "min_decryption_version");
  const settings: Settings = {
    minDecryptionVersion: Math.max(minVersion("decryption", sentMinDecryption, key), 1),
    minEncryptionVersion: minVersion(
      "encryption",
      readInteger(fields, "min_encryption_version"),
      key,
    ),
    deletionAllowed: readBoolean(fields, "deletion_allowed") ?? key.deletionAllowed,
    exportable: (readBoolean(fields, "exportable") ?? false) || key.exportable,
    allowPlaintextBackup: (readBoolean(fields, "allow_plaintext_backup") ?? false) ||
      key.allowPlaintextBackup,
    autoRotateSeconds: autoRotateSeconds ?? key.autoRotateSeconds,
  };
  const changed = { ...key, ...settings };
  refuseUnorderedMinimums(changed);
  const warnings = sentMinDecryption === 0 ? [COUNTS_FROM_ONE] : [];
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

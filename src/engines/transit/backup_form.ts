/**
 * The form of a backup: the JSON that the reference writes (openbao sdk/helper/keysutil, `KeyData`),
 * so that each side restores the backups of the other. Pure.
 */

import { decodeBase64, encodeBase64 } from "../../crypto/bytes.ts";
import { VaultError } from "../../errors.ts";
import { KEY_VERSIONS_MAX } from "../../limits.ts";
import { isJsonObject, isNumberText, type JsonObject, ownMember } from "../../wire/json_value.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { formatTime } from "../../wire/time.ts";
import {
  booleanMember,
  decodeJsonRecord,
  encodeJsonRecord,
  malformedRecord,
  numberMember,
  objectMember,
} from "../json_record.ts";
import { HMAC_KEY_BYTES, KEY_TYPES, type KeyType, keyTypeOfBackup } from "./key_types.ts";
import { type BackupMark, isComplete, type KeyVersion, type TransitKey } from "./records.ts";
import { usableVersions } from "./versions.ts";

const NANOSECONDS_PER_SECOND = 1_000_000_000;
/** The bound of Go's 64-bit integers. Numbers here are exact to 53 bits only. */
const INT64_LIMIT = 2 ** 63;
/** Members that the reference fills only for keys of other types. */
const OTHER_MATERIAL = {
  ec_x: null,
  ec_y: null,
  ec_d: null,
  rsa_key: null,
  rsa_public_key: null,
  public_key: "",
  convergent_version: 0,
};
/** What the reference reads for members that legacy backups do not have. */
const ZERO_VALUES: JsonObject = {
  allow_plaintext_backup: false,
  auto_rotate_period: 0,
  min_available_version: 0,
  soft_deleted: false,
};
const NO_TIME = "0001-01-01T00:00:00Z";

/** The text of a backup: base64 of JSON. */
export function encodeBackup(name: string, key: TransitKey): string {
  const usable = usableVersions(key).map((version) => [
    String(version),
    encodeVersion(key.versions.get(version)),
  ]);
  // The archive starts at the first kept version, or at version 0, which never existed.
  const archive = Array.from(
    { length: key.latestVersion - key.minAvailableVersion + 1 },
    (_, index) => encodeVersion(key.versions.get(key.minAvailableVersion + index)),
  );
  const policy = {
    name,
    keys: Object.fromEntries(usable),
    derived: false,
    kdf: 0,
    convergent_encryption: false,
    exportable: key.exportable,
    min_decryption_version: key.minDecryptionVersion,
    min_encryption_version: key.minEncryptionVersion,
    latest_version: key.latestVersion,
    archive_version: key.latestVersion,
    archive_min_version: key.minAvailableVersion,
    min_available_version: key.minAvailableVersion,
    deletion_allowed: key.deletionAllowed,
    convergent_version: 0,
    type: KEY_TYPES[key.type].backupNumber,
    backup_info: encodeMark(key.backedUp),
    restore_info: encodeMark(key.restored),
    allow_plaintext_backup: key.allowPlaintextBackup,
    version_template: "",
    storage_prefix: "",
    auto_rotate_period: key.autoRotateSeconds * NANOSECONDS_PER_SECOND,
    Imported: false,
    AllowImportedKeyRotation: false,
    soft_deleted: key.softDeleted,
  };
  return encodeBase64(encodeJsonRecord({ policy, archived_keys: { keys: archive } }));
}

function encodeVersion(version: KeyVersion | undefined): JsonObject {
  const created = version === undefined
    ? { time: NO_TIME, creation_time: 0 }
    : { time: formatTime(version.createdMs), creation_time: Math.floor(version.createdMs / 1000) };
  const hmacKey = version?.hmacKey ?? null;
  return {
    key: version === undefined ? null : encodeBase64(version.bytes),
    hmac_key: hmacKey === null ? null : encodeBase64(hmacKey),
    ...created,
    ...OTHER_MATERIAL,
    certificate_chain: null,
    external_key_ref: "",
  };
}

function encodeMark(mark: BackupMark | null): JsonObject | null {
  return mark === null ? null : { time: formatTime(mark.timeMs), version: mark.version };
}

/**
 * Inverse of `encodeBackup`, after its base64. `backupName` is empty if the backup has none. Throws
 * `invalid_request` for anything but the backup of a key that could exist here.
 */
export function decodeBackup(
  bytes: Uint8Array,
): { readonly backupName: string; readonly key: TransitKey } {
  try {
    const json = decodeJsonRecord(bytes);
    const policy = withZeroValues(objectMember(json, "policy"));
    const name = ownMember(policy, "name");
    const key = decodePolicy(policy, ownMember(json, "archived_keys"));
    return { backupName: typeof name === "string" ? name : "", key };
  } catch (error) {
    if (error instanceof VaultError && error.code === "record_malformed") {
      throw listedMistake(error.message.replace(/^.*?: /, "cannot read the backup: "));
    }
    throw error;
  }
}

/** Go reads a null member like a missing one. */
function withZeroValues(policy: JsonObject): JsonObject {
  const present = Object.entries(policy).filter(([, value]) => value !== null);
  return { ...ZERO_VALUES, ...Object.fromEntries(present) };
}

function decodePolicy(policy: JsonObject, archive: unknown): TransitKey {
  const type = keyTypeOfBackup(numberMember(policy, "type"));
  if (type === null) throw malformedRecord("there are no keys of its type here");
  if (booleanMember(policy, "derived")) throw malformedRecord("key derivation is not supported");
  const minAvailableVersion = countMember(policy, "min_available_version");
  const latestVersion = countMember(policy, "latest_version");
  const key: TransitKey = {
    type,
    exportable: booleanMember(policy, "exportable"),
    allowPlaintextBackup: booleanMember(policy, "allow_plaintext_backup"),
    deletionAllowed: booleanMember(policy, "deletion_allowed"),
    softDeleted: booleanMember(policy, "soft_deleted"),
    backedUp: decodeMark(policy, "backup_info"),
    restored: null,
    autoRotateSeconds: periodMember(policy, "auto_rotate_period"),
    latestVersion,
    minDecryptionVersion: countMember(policy, "min_decryption_version"),
    minEncryptionVersion: countMember(policy, "min_encryption_version"),
    minAvailableVersion,
    versions: decodeVersions(type, policy, archive, minAvailableVersion, latestVersion),
  };
  checkMinimums(key);
  return key;
}

function checkMinimums(key: TransitKey): void {
  const { minDecryptionVersion: decryption, minEncryptionVersion: encryption } = key;
  const isOrdered = decryption <= key.latestVersion && encryption <= key.latestVersion &&
    (encryption === 0 || encryption >= decryption);
  if (!isOrdered || !isComplete(key)) throw malformedRecord("versions do not fit the settings");
}

function decodeVersions(
  type: KeyType,
  policy: JsonObject,
  archive: unknown,
  minAvailableVersion: number,
  latestVersion: number,
): ReadonlyMap<number, KeyVersion> {
  const first = Math.max(minAvailableVersion, 1);
  if (latestVersion - first >= KEY_VERSIONS_MAX) throw malformedRecord("it has too many versions");
  const current = objectMember(policy, "keys");
  const archived = isJsonObject(archive) ? ownMember(archive, "keys") : null;
  const versions = new Map<number, KeyVersion>();
  for (let version = first; version <= latestVersion; version++) {
    const json = ownMember(current, String(version)) ??
      (Array.isArray(archived) ? archived[version - minAvailableVersion] : null);
    if (isJsonObject(json)) versions.set(version, decodeVersion(json, type));
  }
  return versions;
}

function decodeVersion(json: JsonObject, type: KeyType): KeyVersion {
  const bytes = keyOf(json, "key", KEY_TYPES[type].keyBytes);
  if (bytes === null) throw malformedRecord("a version has no key of its length");
  const createdMs = Date.parse(String(ownMember(json, "time")));
  if (Number.isNaN(createdMs)) throw malformedRecord("a version has no time");
  return { createdMs, bytes, hmacKey: keyOf(json, "hmac_key", HMAC_KEY_BYTES) };
}

function keyOf(json: JsonObject, name: string, length: number): Uint8Array | null {
  const text = ownMember(json, name);
  const bytes = typeof text === "string" ? decodeBase64(text) : null;
  return bytes?.length === length ? bytes : null;
}

function decodeMark(policy: JsonObject, name: string): BackupMark | null {
  if ((ownMember(policy, name) ?? null) === null) return null;
  const mark = objectMember(policy, name);
  const timeMs = Date.parse(String(ownMember(mark, "time")));
  if (Number.isNaN(timeMs)) throw malformedRecord(`${name} has no time`);
  return { timeMs, version: countMember(mark, "version") };
}

/**
 * Seconds of a Go duration, which is in nanoseconds. From 104 days on these are more than a number
 * holds exactly, so they arrive as the text of a number.
 */
function periodMember(json: JsonObject, name: string): number {
  const value = ownMember(json, name);
  const nanoseconds = isNumberText(value) ? Number(JSON.stringify(value)) : value;
  const isPeriod = typeof nanoseconds === "number" && nanoseconds >= 0 &&
    nanoseconds <= INT64_LIMIT;
  if (!isPeriod) throw malformedRecord(`${name} is no period`);
  return Math.floor(nanoseconds / NANOSECONDS_PER_SECOND);
}

function countMember(json: JsonObject, name: string): number {
  const count = numberMember(json, name);
  if (!Number.isSafeInteger(count) || count < 0) throw malformedRecord(`${name} is no count`);
  return count;
}

/**
 * Stored records of transit: their paths and their contents. Pure; parsed on every read.
 *
 * | path            | record                                     | wrapped |
 * |-----------------|--------------------------------------------|---------|
 * | `policy/<name>` | settings of a key and all its versions     | yes     |
 *
 * Vault moves old versions out of a policy to `archive/`. Nothing is written there: with one record
 * per key, every change of a key is one commit.
 */

import { decodeBase64, encodeBase64 } from "../../crypto/bytes.ts";
import {
  booleanMember,
  decodeJsonRecord,
  encodeJsonRecord,
  malformedRecord,
  numberMember,
  objectMember,
} from "../json_record.ts";
import { isJsonObject, type JsonObject, ownMember } from "../../wire/json_value.ts";
import { HMAC_KEY_BYTES, KEY_TYPES, type KeyType, parseKeyType } from "./key_types.ts";

export const POLICY_FOLDER = "policy/";
export const ARCHIVE_FOLDER = "archive/";

const FORMAT = 1;

export interface KeyVersion {
  readonly createdMs: number;
  /** `keyBytes` of the type. Stays in memory while the key is cached: a change writes it again. */
  readonly bytes: Uint8Array;
  /** 32 bytes, used only for HMAC; null in records older than HMAC support. */
  readonly hmacKey: Uint8Array | null;
}

/** When a backup was made or restored, and the latest version at that time. */
export interface BackupMark {
  readonly timeMs: number;
  readonly version: number;
}

export interface TransitKey {
  readonly type: KeyType;
  readonly exportable: boolean;
  readonly allowPlaintextBackup: boolean;
  readonly deletionAllowed: boolean;
  /** Kept, but not used until it is restored. */
  readonly softDeleted: boolean;
  readonly backedUp: BackupMark | null;
  readonly restored: BackupMark | null;
  /** 0: never. */
  readonly autoRotateSeconds: number;
  readonly latestVersion: number;
  /** 1 or above. */
  readonly minDecryptionVersion: number;
  /** 0: not set. */
  readonly minEncryptionVersion: number;
  /** Older versions are erased; 0: never trimmed. */
  readonly minAvailableVersion: number;
  /** All from the first available one to the latest, in order. */
  readonly versions: ReadonlyMap<number, KeyVersion>;
}

export function policyPath(name: string): string {
  return POLICY_FOLDER + name;
}

export function encodeKey(key: TransitKey): Uint8Array {
  const versions = [...key.versions].map(([version, { createdMs, bytes, hmacKey }]) => ({
    version,
    createdMs,
    key: encodeBase64(bytes),
    ...(hmacKey === null ? {} : { hmacKey: encodeBase64(hmacKey) }),
  }));
  return encodeJsonRecord({ format: FORMAT, ...key, versions });
}

/** Throws `record_malformed`. */
export function decodeKey(record: Uint8Array): TransitKey {
  const json = decodeJsonRecord(record);
  if (ownMember(json, "format") !== FORMAT) throw malformedRecord("unknown format");
  const type = parseKeyType(ownMember(json, "type"));
  if (type === null) throw malformedRecord("unknown type of key");
  const versions = ownMember(json, "versions");
  if (!Array.isArray(versions)) throw malformedRecord("versions is no list");
  const key: TransitKey = {
    type,
    exportable: booleanMember(json, "exportable"),
    allowPlaintextBackup: booleanMember(json, "allowPlaintextBackup"),
    deletionAllowed: booleanMember(json, "deletionAllowed"),
    // Legacy records do not have the next three members.
    softDeleted: Object.hasOwn(json, "softDeleted") && booleanMember(json, "softDeleted"),
    backedUp: markOf(json, "backedUp"),
    restored: markOf(json, "restored"),
    autoRotateSeconds: numberMember(json, "autoRotateSeconds"),
    latestVersion: numberMember(json, "latestVersion"),
    minDecryptionVersion: numberMember(json, "minDecryptionVersion"),
    minEncryptionVersion: numberMember(json, "minEncryptionVersion"),
    minAvailableVersion: numberMember(json, "minAvailableVersion"),
    versions: new Map(versions.map((version) => versionOf(version, type))),
  };
  checkVersions(key);
  return key;
}

function versionOf(json: unknown, type: KeyType): [number, KeyVersion] {
  if (!isJsonObject(json)) throw malformedRecord("a version is no object");
  return [numberMember(json, "version"), {
    createdMs: numberMember(json, "createdMs"),
    bytes: keyBytesOf(json, "key", KEY_TYPES[type].keyBytes),
    hmacKey: Object.hasOwn(json, "hmacKey") ? keyBytesOf(json, "hmacKey", HMAC_KEY_BYTES) : null,
  }];
}

function markOf(json: JsonObject, name: string): BackupMark | null {
  if ((ownMember(json, name) ?? null) === null) return null;
  const mark = objectMember(json, name);
  return { timeMs: numberMember(mark, "timeMs"), version: numberMember(mark, "version") };
}

function keyBytesOf(json: JsonObject, name: string, length: number): Uint8Array {
  const text = ownMember(json, name);
  const bytes = typeof text === "string" ? decodeBase64(text) : null;
  if (bytes?.length !== length) throw malformedRecord("a version has no key of its length");
  return bytes;
}

/** `encrypt` and `decrypt` rely on this: every version that the settings allow exists. */
function checkVersions(key: TransitKey): void {
  if (!isComplete(key)) throw malformedRecord("versions do not fit the settings");
}

export function isComplete(key: TransitKey): boolean {
  const first = Math.max(key.minAvailableVersion, 1);
  return key.versions.size === key.latestVersion - first + 1 &&
    [...key.versions.keys()].every((version, index) => version === first + index) &&
    key.latestVersion >= first && key.minDecryptionVersion >= first;
}

/**
 * The versions of a transit key: how they are made, rotated and trimmed, and how a key is described to
 * a caller. Pure but for the randomness it is given; time comes from the caller.
 */

import type { RandomBytes } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { listedMistake } from "../../wire/multi_error.ts";
import { KEY_VERSIONS_MAX } from "../../limits.ts";
import { formatTime } from "../../wire/time.ts";
import { HMAC_KEY_BYTES, KEY_TYPES, type KeyType } from "./key_types.ts";
import type { BackupMark, KeyVersion, TransitKey } from "./records.ts";

/** The reference's refusal of every use of a soft-deleted key. */
export const SOFT_DELETED = "refusing to use soft-deleted key";

export type NewKey = Pick<
  TransitKey,
  "type" | "exportable" | "allowPlaintextBackup" | "autoRotateSeconds"
>;

/** A key with its first version. */
export function newTransitKey(settings: NewKey, random: RandomBytes, nowMs: number): TransitKey {
  return {
    ...settings,
    deletionAllowed: false,
    softDeleted: false,
    backedUp: null,
    restored: null,
    latestVersion: 1,
    minDecryptionVersion: 1,
    minEncryptionVersion: 0,
    minAvailableVersion: 0,
    versions: new Map([[1, newVersion(settings.type, random, nowMs)]]),
  };
}

function newVersion(type: KeyType, random: RandomBytes, nowMs: number): KeyVersion {
  return {
    createdMs: nowMs,
    bytes: random(KEY_TYPES[type].keyBytes),
    hmacKey: random(HMAC_KEY_BYTES),
  };
}

/** The key with an HMAC key in each version; null when nothing is missing. */
export function withHmacKeys(key: TransitKey, random: RandomBytes): TransitKey | null {
  if ([...key.versions.values()].every(({ hmacKey }) => hmacKey !== null)) return null;
  const versions = [...key.versions].map(([number, version]) =>
    [number, { ...version, hmacKey: version.hmacKey ?? random(HMAC_KEY_BYTES) }] as const
  );
  return { ...key, versions: new Map(versions) };
}

export function hasRoomForVersion(key: TransitKey): boolean {
  return key.versions.size < KEY_VERSIONS_MAX;
}

/** The key with one more version. Throws `invalid_request` when it already has too many. */
export function rotateKey(key: TransitKey, random: RandomBytes, nowMs: number): TransitKey {
  if (key.softDeleted) throw listedMistake(SOFT_DELETED);
  if (!hasRoomForVersion(key)) {
    throw invalidRequest(
      `cannot rotate the key: it has ${KEY_VERSIONS_MAX} versions, trim it first`,
    );
  }
  const latestVersion = key.latestVersion + 1;
  const versions = new Map(key.versions);
  versions.set(latestVersion, newVersion(key.type, random, nowMs));
  return { ...key, latestVersion, versions };
}

/** Whether `auto_rotate_period` has passed since the latest version; false when none is set. */
export function isRotationDue(key: TransitKey, nowMs: number): boolean {
  const latest = key.versions.get(key.latestVersion);
  if (key.autoRotateSeconds === 0 || key.softDeleted || latest === undefined) return false;
  // A full key keeps its versions, because encrypting must not stop.
  return nowMs > latest.createdMs + key.autoRotateSeconds * 1000 && hasRoomForVersion(key);
}

/** The key without versions below `minAvailableVersion`. The caller has checked its bounds. */
export function trimKey(key: TransitKey, minAvailableVersion: number): TransitKey {
  const kept = [...key.versions].filter(([version]) => version >= minAvailableVersion);
  return { ...key, minAvailableVersion, versions: new Map(kept) };
}

/** The versions that may decrypt. Vault hides the others. */
export function usableVersions(key: TransitKey): readonly number[] {
  return [...key.versions.keys()].filter((version) => version >= key.minDecryptionVersion);
}

/** `data` of a read of the key. Times are Unix seconds. */
export function describeKey(name: string, key: TransitKey): Readonly<Record<string, unknown>> {
  const { supports } = KEY_TYPES[key.type];
  const createdSeconds = (version: number): number =>
    Math.floor((key.versions.get(version)?.createdMs ?? 0) / 1000);
  const keys = usableVersions(key).map((version) => [String(version), createdSeconds(version)]);
  return {
    allow_plaintext_backup: key.allowPlaintextBackup,
    auto_rotate_period: key.autoRotateSeconds,
    ...(key.backedUp === null ? {} : { backup_info: describeMark(key.backedUp) }),
    deletion_allowed: key.deletionAllowed,
    derived: false,
    exportable: key.exportable,
    imported_key: false,
    keys: Object.fromEntries(keys),
    latest_version: key.latestVersion,
    min_available_version: key.minAvailableVersion,
    min_decryption_version: key.minDecryptionVersion,
    min_encryption_version: key.minEncryptionVersion,
    name,
    ...(key.restored === null ? {} : { restore_info: describeMark(key.restored) }),
    soft_deleted: key.softDeleted,
    supports_decryption: supports.decryption,
    supports_derivation: supports.derivation,
    supports_encryption: supports.encryption,
    supports_signing: supports.signing,
    type: key.type,
  };
}

function describeMark({ timeMs, version }: BackupMark): Readonly<Record<string, unknown>> {
  return { time: formatTime(timeMs), version };
}

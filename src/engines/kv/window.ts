/**
 * The life of versions in kv version 2: which are kept, which are open, when one expires, and how
 * callers see it. Pure: metadata in, metadata out.
 */

import {
  type KeyMetadata,
  type MountConfig,
  NEVER_EXPIRE_SECONDS,
  VERSIONS_KEPT_DEFAULT,
  type VersionState,
} from "./records.ts";
import { formatTime, timeAfter } from "../../wire/time.ts";

/** Metadata of a key without versions. */
export function newKey(nowMs: number): KeyMetadata {
  return {
    createdMs: nowMs,
    updatedMs: nowMs,
    currentVersion: 0,
    oldestVersion: 0,
    metadataVersion: 0,
    maxVersions: 0,
    casRequired: false,
    metadataCasRequired: false,
    deleteVersionAfterSeconds: 0,
    customMetadata: {},
    versions: new Map(),
  };
}

export function isOpen(state: VersionState, nowMs: number): boolean {
  return !state.destroyed && !isDeleted(state, nowMs);
}

/** Includes the millisecond of the deletion itself. */
export function isDeleted(state: VersionState, nowMs: number): boolean {
  return state.deletionMs !== null && state.deletionMs <= nowMs;
}

/** The earlier of the times that mount and key set; null if the version does not expire. */
export function expiryMs(
  nowMs: number,
  config: MountConfig,
  metadata: KeyMetadata,
): number | null {
  if (config.deleteVersionAfterSeconds === NEVER_EXPIRE_SECONDS) return null;
  const asked = [config.deleteVersionAfterSeconds, metadata.deleteVersionAfterSeconds]
    .filter((seconds) => seconds > 0);
  return asked.length === 0 ? null : timeAfter(nowMs, Math.min(...asked));
}

/**
 * Adds a version. `dropped` are versions that left the window, whose data must be removed in the
 * same commit. The key's limit applies, or else the mount's (Vault's documentation of
 * `max_versions`; the reference takes the larger one). The window moves only when it is full.
 */
export function addVersion(
  metadata: KeyMetadata,
  config: MountConfig,
  nowMs: number,
): { readonly metadata: KeyMetadata; readonly dropped: readonly number[] } {
  const currentVersion = metadata.currentVersion + 1;
  const windowVersions = metadata.maxVersions || config.maxVersions || VERSIONS_KEPT_DEFAULT;
  const isFull = currentVersion - metadata.oldestVersion >= windowVersions;
  const oldestVersion = isFull ? currentVersion - windowVersions + 1 : metadata.oldestVersion;
  const versions = new Map(metadata.versions);
  versions.set(currentVersion, {
    createdMs: nowMs,
    deletionMs: expiryMs(nowMs, config, metadata),
    destroyed: false,
  });
  const dropped = [...versions.keys()].filter((version) => version < oldestVersion);
  for (const version of dropped) versions.delete(version);
  return {
    metadata: { ...metadata, updatedMs: nowMs, currentVersion, oldestVersion, versions },
    dropped,
  };
}

/** The `metadata` of a read, or the `data` of a write. */
export function describeVersion(
  metadata: KeyMetadata,
  version: number,
  state: VersionState,
): Readonly<Record<string, unknown>> {
  return {
    ...describeState(state),
    custom_metadata: describeCustomMetadata(metadata),
    version,
  };
}

export function describeState(state: VersionState): Readonly<Record<string, unknown>> {
  return {
    created_time: formatTime(state.createdMs),
    deletion_time: state.deletionMs === null ? "" : formatTime(state.deletionMs),
    destroyed: state.destroyed,
  };
}

/** Null if empty, as in Vault. */
export function describeCustomMetadata(
  metadata: KeyMetadata,
): Readonly<Record<string, string>> | null {
  return Object.keys(metadata.customMetadata).length === 0 ? null : metadata.customMetadata;
}

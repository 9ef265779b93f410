/**
 * Reads and changes the records of kv version 2. Every change of a key rewrites its metadata, in
 * one commit guarded by the metadata's revision. A losing writer starts again from the stored key.
 * So two writers never make the same version, and no record lacks its metadata.
 */

import { ABSENT, type Revision } from "../../storage/store.ts";
import type { MountRecords, MountWrite } from "../../barrier/mount_records.ts";
import { malformedRecord } from "../json_record.ts";
import {
  CONFIG_PATH,
  decodeConfig,
  decodeMetadata,
  decodeVersion,
  DEFAULT_CONFIG,
  encodeConfig,
  encodeMetadata,
  type KeyMetadata,
  metadataPath,
  type MountConfig,
  versionPath,
  type VersionRecord,
} from "./records.ts";
import { repeatWhileLost } from "../../barrier/compare_and_set.ts";

export interface StoredKey {
  readonly key: string;
  readonly metadata: KeyMetadata;
  readonly revision: Revision;
}

/** What to do with a key. `data` writes versions' data in the same commit; null removes it. */
export type KeyChange<T> =
  | { readonly kind: "keep"; readonly result: T }
  | {
    readonly kind: "put";
    readonly metadata: KeyMetadata;
    readonly data: readonly VersionWrite[];
    readonly result: T;
  }
  | { readonly kind: "remove"; readonly result: T }
  /** The records read no longer match each other; read them again. */
  | { readonly kind: "stale" };

export interface VersionWrite {
  readonly version: number;
  readonly value: Uint8Array | null;
}

export async function loadKey(storage: MountRecords, key: string): Promise<StoredKey | null> {
  const record = key === "" ? null : await storage.get(metadataPath(key));
  if (record === null) return null;
  return { key, metadata: decodeMetadata(record.value), revision: record.revision };
}

/**
 * Commits what `plan` decides. `plan` runs up to `COMMIT_TRIES_MAX` times, each time on the stored
 * key, and may throw to refuse. Throws `store_conflict` if other writers keep winning.
 */
export async function changeKey<T>(
  storage: MountRecords,
  key: string,
  plan: (stored: StoredKey | null) => KeyChange<T> | Promise<KeyChange<T>>,
): Promise<T> {
  return await repeatWhileLost(async () => {
    const stored = await loadKey(storage, key);
    const change = await plan(stored);
    if (change.kind === "stale") return { kind: "lost" };
    const writes = writesOf(key, stored, change);
    if (stored !== null && writes.length > storage.commitMaxWrites) {
      await destroySome(storage, stored, change);
      return { kind: "lost" };
    }
    if (writes.length > 0 && !await storage.commit(writes)) return { kind: "lost" };
    return { kind: "settled", result: change.result };
  });
}

/**
 * The record of a version that the metadata calls open. Null if the key has changed meanwhile, so
 * that the caller must read it again; else throws `record_malformed` if the two do not match.
 */
export async function loadVersion(
  storage: MountRecords,
  stored: StoredKey,
  version: number,
): Promise<VersionRecord | null> {
  const record = await storage.get(versionPath(stored.key, version));
  const decoded = record === null ? null : decodeVersion(record.value);
  const createdMs = stored.metadata.versions.get(version)?.createdMs;
  if (decoded !== null && decoded.createdMs === createdMs) return decoded;
  const again = await storage.get(metadataPath(stored.key));
  if (again?.revision === stored.revision) {
    throw malformedRecord("the data of a version does not fit its metadata");
  }
  return null;
}

export async function loadConfig(storage: MountRecords): Promise<MountConfig> {
  const record = await storage.get(CONFIG_PATH);
  return record === null ? DEFAULT_CONFIG : decodeConfig(record.value);
}

/** Throws `store_conflict` if other writers keep winning. */
export async function changeConfig(
  storage: MountRecords,
  change: (config: MountConfig) => MountConfig,
): Promise<void> {
  await repeatWhileLost(async () => {
    const record = await storage.get(CONFIG_PATH);
    const config = record === null ? DEFAULT_CONFIG : decodeConfig(record.value);
    const won = await storage.commit([{
      path: CONFIG_PATH,
      value: encodeConfig(change(config)),
      expected: record?.revision ?? ABSENT,
    }]);
    return won ? { kind: "settled", result: undefined } : { kind: "lost" };
  });
}

/**
 * Destroys some of the versions that `change` removes, so that the rest fits into one commit. A stop
 * in between leaves them destroyed, which is what the caller asked for.
 */
async function destroySome<T>(
  storage: MountRecords,
  stored: StoredKey,
  change: Decided<T>,
): Promise<void> {
  const path = metadataPath(stored.key);
  const some = removedVersions(stored, change).slice(0, storage.commitMaxWrites - 1);
  const versions = new Map(stored.metadata.versions);
  for (const version of some) {
    const state = versions.get(version);
    if (state !== undefined) versions.set(version, { ...state, destroyed: true });
  }
  const value = encodeMetadata({ ...stored.metadata, versions });
  await storage.commit([
    { path, value, expected: stored.revision },
    ...some.map((version) => ({ path: versionPath(stored.key, version), value: null })),
  ]);
}

type Decided<T> = Exclude<KeyChange<T>, { kind: "stale" }>;

/** Stored versions whose data goes. That of a destroyed version is gone already. */
function removedVersions<T>(stored: StoredKey | null, change: Decided<T>): readonly number[] {
  const versions = stored?.metadata.versions ?? new Map<number, never>();
  const isStored = (version: number) => versions.get(version)?.destroyed === false;
  switch (change.kind) {
    case "keep":
      return [];
    case "put":
      return change.data.filter(({ version, value }) => value === null && isStored(version))
        .map(({ version }) => version);
    case "remove":
      return [...versions.keys()].filter(isStored);
  }
}

function writesOf<T>(
  key: string,
  stored: StoredKey | null,
  change: Decided<T>,
): readonly MountWrite[] {
  if (change.kind === "keep") return [];
  const removals = removedVersions(stored, change)
    .map((version) => ({ path: versionPath(key, version), value: null }));
  const guard = { path: metadataPath(key), expected: stored?.revision ?? ABSENT };
  if (change.kind === "remove") return [{ ...guard, value: null }, ...removals];
  const data = change.data.flatMap(({ version, value }) =>
    value === null ? [] : [{ path: versionPath(key, version), value }]
  );
  return [{ ...guard, value: encodeMetadata(change.metadata) }, ...data, ...removals];
}

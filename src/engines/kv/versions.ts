/**
 * Deletes, undeletes and destroys versions of kv version 2. Deleting only sets a mark. Destroying
 * removes the data in the same commit as it sets the mark. Unknown keys and versions are ignored.
 * Like a write, a change of a version updates the key's `updated_time`.
 */

import { invalidRequest } from "../../errors.ts";
import type { EngineReply } from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { integerList, type Sent } from "../../wire/fields.ts";
import type { KeyMetadata, VersionState } from "./records.ts";
import { changeKey, loadConfig } from "./store.ts";
import { expiryMs, isDeleted } from "./window.ts";

export const VERSIONS_FIELDS = {
  versions: integerList("numbers of the versions"),
};

type SentVersions = Sent<typeof VERSIONS_FIELDS>;

/** A version's next state; null if it does not change. Not called for destroyed versions. */
type VersionStep = (state: VersionState, metadata: KeyMetadata) => VersionState | null;

/** `DELETE data/<key>`: marks the current version. */
export async function deleteCurrent(
  storage: MountRecords,
  key: string,
  nowMs: number,
): Promise<EngineReply> {
  const current = (metadata: KeyMetadata) => [metadata.currentVersion];
  return await stepVersions(storage, key, current, markDeleted(nowMs), nowMs);
}

export async function deleteVersions(
  storage: MountRecords,
  key: string,
  sent: SentVersions,
  nowMs: number,
): Promise<EngineReply> {
  const versions = versionsOf(sent, "No version number provided");
  return await stepVersions(storage, key, () => versions, markDeleted(nowMs), nowMs);
}

/** An undeleted version lives for `delete_version_after` from now. */
export async function undeleteVersions(
  storage: MountRecords,
  key: string,
  sent: SentVersions,
  nowMs: number,
): Promise<EngineReply> {
  const versions = versionsOf(sent, "No version number provided");
  const config = await loadConfig(storage);
  const undelete: VersionStep = (state, metadata) => {
    const deletionMs = expiryMs(nowMs, config, metadata);
    return deletionMs === state.deletionMs ? null : { ...state, deletionMs };
  };
  return await stepVersions(storage, key, () => versions, undelete, nowMs);
}

export async function destroyVersions(
  storage: MountRecords,
  key: string,
  sent: SentVersions,
  nowMs: number,
): Promise<EngineReply> {
  const versions = versionsOf(sent, "no version number provided");
  const destroy: VersionStep = (state) => ({ ...state, destroyed: true });
  return await stepVersions(storage, key, () => versions, destroy, nowMs);
}

function markDeleted(nowMs: number): VersionStep {
  return (state) => isDeleted(state, nowMs) ? null : { ...state, deletionMs: nowMs };
}

/** `whenEmpty` is a parameter because the reference uses two spellings of the message. */
function versionsOf({ versions = [] }: SentVersions, whenEmpty: string): readonly number[] {
  if (versions.length === 0) throw invalidRequest(whenEmpty);
  return versions;
}

async function stepVersions(
  storage: MountRecords,
  key: string,
  select: (metadata: KeyMetadata) => readonly number[],
  step: VersionStep,
  nowMs: number,
): Promise<EngineReply> {
  return await changeKey<EngineReply>(storage, key, (stored) => {
    if (stored === null) return { kind: "keep", result: { kind: "done" } };
    const { metadata } = stored;
    const versions = new Map(metadata.versions);
    const destroyed = new Set<number>();
    let isChanged = false;
    for (const version of select(metadata)) {
      const state = versions.get(version);
      const next = state === undefined || state.destroyed ? null : step(state, metadata);
      if (next === null) continue;
      versions.set(version, next);
      isChanged = true;
      if (next.destroyed) destroyed.add(version);
    }
    if (!isChanged) return { kind: "keep", result: { kind: "done" } };
    return {
      kind: "put",
      metadata: { ...metadata, updatedMs: nowMs, versions },
      data: [...destroyed].map((version) => ({ version, value: null })),
      result: { kind: "done" },
    };
  });
}

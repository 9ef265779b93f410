/**
 * `metadata/` and `config` of kv version 2: settings of keys and of the mount, and the removal of a
 * key with all its versions in one commit (core-api §7). Settings have their own check-and-set,
 * `metadata_cas`, against `current_metadata_version`, which writes of data never change (OpenBao).
 */

import { formatGoDuration } from "../../wire/duration.ts";
import { invalidRequest } from "../../errors.ts";
import {
  checkCustomMetadataPatch,
  parseCustomMetadata,
  patchCustomMetadata,
} from "./custom_metadata.ts";
import type { EngineReply, EngineRequest } from "../engine.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { integer, object, type Sent } from "../../wire/fields.ts";
import { ownMember } from "../../wire/json_value.ts";
import { NOTHING_TO_PATCH } from "./data.ts";
import type { KeyMetadata, MountConfig } from "./records.ts";
import { formatTime } from "../../wire/time.ts";
import {
  KEY_FIELDS,
  keySettings,
  type MOUNT_FIELDS,
  mountSettings,
  type SentSettings,
} from "./settings.ts";
import { changeConfig, changeKey, loadConfig, loadKey } from "./store.ts";
import { describeCustomMetadata, describeState, newKey } from "./window.ts";

export const METADATA_FIELDS = {
  custom_metadata: object("names and texts of the user's own; a patch merges them"),
  ...KEY_FIELDS,
  metadata_cas: integer("current_metadata_version as it must be now, 0 for none yet"),
};

type SentMetadata = Sent<typeof METADATA_FIELDS>;
type CustomMetadata = KeyMetadata["customMetadata"];

interface MetadataUpdate {
  readonly settings: SentSettings;
  readonly customMetadata: ((current: CustomMetadata) => CustomMetadata) | null;
  readonly metadataCas: number | undefined;
}

export async function readMetadata(storage: MountRecords, key: string): Promise<EngineReply> {
  const stored = await loadKey(storage, key);
  if (stored === null) return { kind: "missing" };
  return { kind: "data", data: describeMetadata(stored.metadata) };
}

/** The `data` of a metadata read. */
export function describeMetadata(metadata: KeyMetadata): Readonly<Record<string, unknown>> {
  const versions = [...metadata.versions].map(([version, state]) => [
    String(version),
    describeState(state),
  ]);
  return {
    ...describeSettings(metadata),
    created_time: formatTime(metadata.createdMs),
    current_metadata_version: metadata.metadataVersion,
    current_version: metadata.currentVersion,
    custom_metadata: describeCustomMetadata(metadata),
    oldest_version: metadata.oldestVersion,
    updated_time: formatTime(metadata.updatedMs),
    versions: Object.fromEntries(versions),
  };
}

/** Writes a key's settings. Creates the key, without a version, if it does not exist. */
export async function writeMetadata(
  storage: MountRecords,
  key: string,
  sent: SentMetadata,
  nowMs: number,
): Promise<EngineReply> {
  if (key === "") throw invalidRequest("missing path");
  const custom = sent.custom_metadata;
  const parsed = custom === undefined ? null : parseCustomMetadata(custom);
  const update: MetadataUpdate = {
    settings: keySettings(sent),
    customMetadata: parsed === null ? null : () => parsed,
    metadataCas: sent.metadata_cas,
  };
  if (isEmpty(update)) return { kind: "done" };
  const config = await loadConfig(storage);
  await changeKey(storage, key, (stored) => {
    if (stored === null && (update.metadataCas ?? 0) !== 0) {
      throw invalidRequest("metadata_cas must be 0 when creating new metadata");
    }
    const metadata = applyUpdate(stored?.metadata ?? newKey(nowMs), update, config, nowMs);
    return { kind: "put", metadata, data: [], result: undefined };
  });
  return doneWithWarnings(update.settings, config);
}

/**
 * Merges `custom_metadata`, and resets settings that are null in the request, except
 * `delete_version_after`, which null leaves unchanged. Missing if the key does not exist.
 */
export async function patchMetadata(
  storage: MountRecords,
  key: string,
  sent: SentMetadata,
  { data, nowMs }: EngineRequest,
): Promise<EngineReply> {
  const resets = ownMember(data, "custom_metadata") === null;
  const patch = sent.custom_metadata;
  const update: MetadataUpdate = {
    settings: keySettings(sent),
    customMetadata: patch === undefined
      ? null
      : (current) => resets ? {} : patchCustomMetadata(current, patch),
    metadataCas: sent.metadata_cas,
  };
  // As in the reference, the key is not even looked up.
  if (isEmpty(update)) return { kind: "done" };
  if (key === "") throw invalidRequest("missing path");
  if (patch !== undefined) checkCustomMetadataPatch(patch);
  const config = await loadConfig(storage);
  const exists = await changeKey<boolean>(storage, key, (stored) => {
    if (stored === null) return { kind: "keep", result: false };
    const metadata = applyUpdate(stored.metadata, update, config, nowMs);
    return { kind: "put", metadata, data: [], result: true };
  });
  return exists ? doneWithWarnings(update.settings, config) : NOTHING_TO_PATCH;
}

export async function deleteMetadata(storage: MountRecords, key: string): Promise<EngineReply> {
  return await changeKey<EngineReply>(storage, key, (stored) => ({
    kind: stored === null ? "keep" : "remove",
    result: { kind: "done" },
  }));
}

export async function readConfig(storage: MountRecords): Promise<EngineReply> {
  return { kind: "data", data: describeSettings(await loadConfig(storage)) };
}

export async function writeConfig(
  storage: MountRecords,
  sent: Sent<typeof MOUNT_FIELDS>,
): Promise<EngineReply> {
  const settings = mountSettings(sent);
  if (Object.keys(settings).length > 0) {
    await changeConfig(storage, (config) => ({ ...config, ...settings }));
  }
  return { kind: "done" };
}

/** As in the reference, `metadata_cas` alone changes nothing and is not compared. */
function isEmpty(update: MetadataUpdate): boolean {
  return Object.keys(update.settings).length === 0 && update.customMetadata === null;
}

function applyUpdate(
  metadata: KeyMetadata,
  update: MetadataUpdate,
  config: MountConfig,
  nowMs: number,
): KeyMetadata {
  checkMetadataCas(metadata, update.metadataCas, config);
  return {
    ...metadata,
    ...update.settings,
    customMetadata: update.customMetadata?.(metadata.customMetadata) ?? metadata.customMetadata,
    updatedMs: nowMs,
    metadataVersion: metadata.metadataVersion + 1,
  };
}

function checkMetadataCas(
  metadata: KeyMetadata,
  metadataCas: number | undefined,
  config: MountConfig,
): void {
  if (metadataCas === undefined) {
    if (!config.metadataCasRequired && !metadata.metadataCasRequired) return;
    throw invalidRequest("metadata check-and-set parameter required for this call");
  }
  if (metadataCas !== metadata.metadataVersion) {
    throw invalidRequest("metadata check-and-set parameter does not match the current version");
  }
}

function describeSettings(settings: MountConfig): Readonly<Record<string, unknown>> {
  return {
    cas_required: settings.casRequired,
    delete_version_after: formatGoDuration(settings.deleteVersionAfterSeconds),
    max_versions: settings.maxVersions,
    metadata_cas_required: settings.metadataCasRequired,
  };
}

function doneWithWarnings(settings: SentSettings, config: MountConfig): EngineReply {
  const ignored = [
    config.casRequired && settings.casRequired === false ? "cas_required" : null,
    config.metadataCasRequired && settings.metadataCasRequired === false
      ? "metadata_cas_required"
      : null,
  ].filter((name) => name !== null);
  if (ignored.length === 0) return { kind: "done" };
  const warnings = ignored.map((name) =>
    `"${name}" set to false, but is mandated by backend config. This value will be ignored.`
  );
  return { kind: "data", data: null, warnings };
}

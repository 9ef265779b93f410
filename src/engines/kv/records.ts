/**
 * Stored records of kv version 2: where they lie and what they hold. Pure; parsed on every read.
 *
 * | path                  | record                                             | wrapped |
 * |-----------------------|----------------------------------------------------|---------|
 * | `config`              | settings of the mount                              | no      |
 * | `metadata/<key>`      | settings of a key and the state of its versions    | no      |
 * | `versions/<n>/<key>`  | the data of one version                            | yes     |
 *
 * The number comes first because a key may hold slashes: `a` and `a/1` cannot meet.
 */

import {
  booleanMember,
  decodeJsonRecord,
  encodeJsonRecord,
  malformedRecord,
  numberMember,
  objectMember,
} from "../json_record.ts";
import { isJsonObject, type JsonObject, ownMember } from "../../wire/json_value.ts";

export const CONFIG_PATH = "config";
export const METADATA_FOLDER = "metadata/";
export const VERSIONS_FOLDER = "versions/";
/** Vault's number of versions when neither mount nor key names one. */
export const VERSIONS_KEPT_DEFAULT = 10;
/** Value of `deleteVersionAfterSeconds` of a mount on which no version ever expires. */
export const NEVER_EXPIRE_SECONDS = -1;

const FORMAT = 1;

export interface MountConfig {
  /** 0: not set. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  /** 0: not set; `NEVER_EXPIRE_SECONDS`: also switches off that of the keys. */
  readonly deleteVersionAfterSeconds: number;
}

export interface VersionState {
  readonly createdMs: number;
  /** From this instant on the version reads as deleted. */
  readonly deletionMs: number | null;
  readonly destroyed: boolean;
}

export interface KeyMetadata {
  readonly createdMs: number;
  readonly updatedMs: number;
  /** 0: no version was ever written. */
  readonly currentVersion: number;
  readonly oldestVersion: number;
  /** Changes of the settings of the key, not of its data. */
  readonly metadataVersion: number;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
  readonly customMetadata: Readonly<Record<string, string>>;
  readonly versions: ReadonlyMap<number, VersionState>;
}

export interface VersionRecord {
  /** Repeats that of the metadata, so that a read notices a key made anew meanwhile. */
  readonly createdMs: number;
  /** Null when null was written, which is another thing than an empty object. */
  readonly data: JsonObject | null;
}

export const DEFAULT_CONFIG: MountConfig = {
  maxVersions: 0,
  casRequired: false,
  metadataCasRequired: false,
  deleteVersionAfterSeconds: 0,
};

export function metadataPath(key: string): string {
  return METADATA_FOLDER + key;
}

export function versionPath(key: string, version: number): string {
  return `${VERSIONS_FOLDER}${version}/${key}`;
}

export function encodeConfig(config: MountConfig): Uint8Array {
  return encodeJsonRecord({ format: FORMAT, ...config });
}

/** Throws `record_malformed`, as the other decoders here. */
export function decodeConfig(bytes: Uint8Array): MountConfig {
  const json = decodeRecord(bytes);
  return settingsOf(json);
}

export function encodeMetadata(metadata: KeyMetadata): Uint8Array {
  const versions = [...metadata.versions].map(([version, state]) => ({ version, ...state }));
  return encodeJsonRecord({ format: FORMAT, ...metadata, versions });
}

export function decodeMetadata(bytes: Uint8Array): KeyMetadata {
  const json = decodeRecord(bytes);
  const versions = ownMember(json, "versions");
  if (!Array.isArray(versions)) throw malformedRecord("versions is no list");
  return {
    ...settingsOf(json),
    createdMs: numberMember(json, "createdMs"),
    updatedMs: numberMember(json, "updatedMs"),
    currentVersion: numberMember(json, "currentVersion"),
    oldestVersion: numberMember(json, "oldestVersion"),
    metadataVersion: numberMember(json, "metadataVersion"),
    customMetadata: customMetadataOf(objectMember(json, "customMetadata")),
    versions: new Map(versions.map(versionStateOf)),
  };
}

export function encodeVersion(version: VersionRecord, encode = encodeJsonRecord): Uint8Array {
  return encode({ format: FORMAT, ...version });
}

export function decodeVersion(bytes: Uint8Array): VersionRecord {
  const json = decodeRecord(bytes);
  const data = ownMember(json, "data") === null ? null : objectMember(json, "data");
  return { createdMs: numberMember(json, "createdMs"), data };
}

function decodeRecord(bytes: Uint8Array): JsonObject {
  const json = decodeJsonRecord(bytes);
  if (ownMember(json, "format") !== FORMAT) throw malformedRecord("unknown format");
  return json;
}

function settingsOf(json: JsonObject): MountConfig {
  return {
    maxVersions: numberMember(json, "maxVersions"),
    casRequired: booleanMember(json, "casRequired"),
    metadataCasRequired: booleanMember(json, "metadataCasRequired"),
    deleteVersionAfterSeconds: numberMember(json, "deleteVersionAfterSeconds"),
  };
}

function customMetadataOf(json: JsonObject): Readonly<Record<string, string>> {
  const isText = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === "string";
  const entries = Object.entries(json);
  if (!entries.every(isText)) throw malformedRecord("customMetadata holds other than text");
  return Object.fromEntries(entries);
}

function versionStateOf(json: unknown): [number, VersionState] {
  if (!isJsonObject(json)) throw malformedRecord("a version is no object");
  const deletes = ownMember(json, "deletionMs") !== null;
  return [numberMember(json, "version"), {
    createdMs: numberMember(json, "createdMs"),
    deletionMs: deletes ? numberMember(json, "deletionMs") : null,
    destroyed: booleanMember(json, "destroyed"),
  }];
}

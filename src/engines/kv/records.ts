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
/** Vault's default, if neither mount nor key sets a number of versions. */
export const VERSIONS_KEPT_DEFAULT = 10;
/** A mount's `deleteVersionAfterSeconds` if its versions never expire. */
export const NEVER_EXPIRE_SECONDS = -1;

const FORMAT = 1;

export interface MountConfig {
  /** 0: not set. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  /** 0: not set. `NEVER_EXPIRE_SECONDS`: overrides the keys' own settings too. */
  readonly deleteVersionAfterSeconds: number;
}

export interface VersionState {
  readonly createdMs: number;
  /** The version reads as deleted from this instant on. */
  readonly deletionMs: number | null;
  readonly destroyed: boolean;
}

export interface KeyMetadata {
  readonly createdMs: number;
  readonly updatedMs: number;
  /** 0 until a version is written. */
  readonly currentVersion: number;
  readonly oldestVersion: number;
  /** Counts changes of the key's settings, not of its data. */
  readonly metadataVersion: number;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly metadataCasRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
  readonly customMetadata: Readonly<Record<string, string>>;
  readonly versions: ReadonlyMap<number, VersionState>;
}

export interface VersionRecord {
  /** Repeats the metadata's time, so that a read notices a key created again meanwhile. */
  readonly createdMs: number;
  /** Null if null was written, which differs from an empty object. */
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

/** Throws `record_malformed`, like the other decoders here. */
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

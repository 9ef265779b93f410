/**
 * The four settings that mount and key of kv version 2 share, as they are read from a request. Pure.
 */

import { invalidRequest } from "../errors.ts";
import {
  type Fields,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readSignedDurationSeconds,
} from "./fields.ts";
import { type MountConfig, NEVER_EXPIRE_SECONDS } from "./kv2_records.ts";

/** The reference keeps the number in 32 bits and would cut off the rest. */
const MAX_VERSIONS_LIMIT = 0xffff_ffff;

/** Only what was sent. */
export type SentSettings = {
  readonly [Name in keyof MountConfig]?: MountConfig[Name];
};

/** A negative `delete_version_after` of a mount switches expiry off for all its keys. */
export function readMountSettings(fields: Fields): SentSettings {
  const seconds = readSignedDurationSeconds(fields, "delete_version_after");
  return withoutUndefined({
    ...readShared(fields),
    deleteVersionAfterSeconds: seconds === undefined
      ? undefined
      : Math.max(seconds, NEVER_EXPIRE_SECONDS),
  });
}

export function readKeySettings(fields: Fields): SentSettings {
  return withoutUndefined({
    ...readShared(fields),
    deleteVersionAfterSeconds: readDurationSeconds(fields, "delete_version_after"),
  });
}

type Unchecked = { readonly [Name in keyof MountConfig]: MountConfig[Name] | undefined };

function readShared(fields: Fields): Omit<Unchecked, "deleteVersionAfterSeconds"> {
  const maxVersions = readInteger(fields, "max_versions");
  if (maxVersions !== undefined && (maxVersions < 0 || maxVersions > MAX_VERSIONS_LIMIT)) {
    throw invalidRequest(`cannot set max_versions: must be 0 to ${MAX_VERSIONS_LIMIT}`);
  }
  return {
    maxVersions,
    casRequired: readBoolean(fields, "cas_required"),
    metadataCasRequired: readBoolean(fields, "metadata_cas_required"),
  };
}

function withoutUndefined(settings: Unchecked): SentSettings {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  );
}

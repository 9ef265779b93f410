/** The four settings that the mount and keys of kv version 2 share, read from a request. Pure. */

import { invalidRequest } from "../../errors.ts";
import { boolean, duration, integer, type Sent, signedDuration } from "../../wire/fields.ts";
import { type MountConfig, NEVER_EXPIRE_SECONDS } from "./records.ts";

/** The reference stores the number in 32 bits and would truncate a larger one. */
const MAX_VERSIONS_LIMIT = 0xffff_ffff;

const SHARED_FIELDS = {
  max_versions: integer("versions to keep of each key; 0 for the mount's number, or else 10"),
  cas_required: boolean("whether each write of data must carry the cas option"),
  metadata_cas_required: boolean(
    "whether each change of settings of a key must carry metadata_cas",
  ),
};
export const MOUNT_FIELDS = {
  ...SHARED_FIELDS,
  delete_version_after: signedDuration(
    "life of a version; 0 for no end, negative to switch expiry off for all keys",
  ),
};
export const KEY_FIELDS = {
  ...SHARED_FIELDS,
  delete_version_after: duration("life of a version; 0 for the mount's"),
};

export type SentSettings = {
  readonly [Name in keyof MountConfig]?: MountConfig[Name];
};

/** A negative `delete_version_after` of the mount switches expiry off for all keys. */
export function mountSettings(sent: Sent<typeof MOUNT_FIELDS>): SentSettings {
  const seconds = sent.delete_version_after;
  return withoutUndefined({
    ...sharedSettings(sent),
    deleteVersionAfterSeconds: seconds === undefined
      ? undefined
      : Math.max(seconds, NEVER_EXPIRE_SECONDS),
  });
}

export function keySettings(sent: Sent<typeof KEY_FIELDS>): SentSettings {
  return withoutUndefined({
    ...sharedSettings(sent),
    deleteVersionAfterSeconds: sent.delete_version_after,
  });
}

type Unchecked = { readonly [Name in keyof MountConfig]: MountConfig[Name] | undefined };

function sharedSettings(
  sent: Sent<typeof SHARED_FIELDS>,
): Omit<Unchecked, "deleteVersionAfterSeconds"> {
  const maxVersions = sent.max_versions;
  if (maxVersions !== undefined && (maxVersions < 0 || maxVersions > MAX_VERSIONS_LIMIT)) {
    throw invalidRequest(`cannot set max_versions: must be 0 to ${MAX_VERSIONS_LIMIT}`);
  }
  return {
    maxVersions,
    casRequired: sent.cas_required,
    metadataCasRequired: sent.metadata_cas_required,
  };
}

function withoutUndefined(settings: Unchecked): SentSettings {
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  );
}

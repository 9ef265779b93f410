/** The mount table as it is stored, and what a mount is made of. Pure but for random names. */

import { DEFAULT_SETTINGS, type MountSettings, notInCatalog } from "../../access/mount_settings.ts";
import type { Entry } from "../../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { invalidRequest } from "../../errors.ts";
import { MOUNT_DATA_PREFIX, MOUNTS_PATH } from "../../storage/record_paths.ts";

/** `generic` is kv under its old name. */
export type EngineType = "system" | "identity" | "cubbyhole" | "kv" | "generic" | "transit";

export type MountConfig = MountSettings;
export type MountOptions = Readonly<Record<string, string>> | null;

/** Records of kv version 1 that are on their way to version 2. */
export interface KvUpgrade {
  /** They lie below this id until they have moved. */
  readonly fromId: string;
  /** When it was asked for, which is when their first version was made. */
  readonly atMs: number;
}

export interface Mount {
  /** Ends in "/". */
  readonly path: string;
  readonly type: EngineType;
  readonly description: string;
  readonly accessor: string;
  readonly uuid: string;
  /** Its records lie below this id. */
  readonly dataId: string;
  /** Also for a while when all have moved: until the table is next written. */
  readonly upgrade: KvUpgrade | null;
  readonly local: boolean;
  readonly sealWrap: boolean;
  readonly externalEntropyAccess: boolean;
  /** Null: the engine takes none. */
  readonly options: MountOptions;
  readonly config: MountConfig;
}

type OlderMount = Omit<Mount, "dataId" | "upgrade"> & Partial<Mount>;

/** What the record of the mount table holds. */
export interface StoredMounts {
  readonly mounts: readonly Mount[];
  /** Ids of data whose mount is gone, until the last of its records is. */
  readonly removing: readonly string[];
}

export type MountRequest =
  & Pick<
    Mount,
    "path" | "description" | "local" | "sealWrap" | "externalEntropyAccess" | "config" | "options"
  >
  & {
    readonly type: string;
    /** Of a plugin; null for what is built in. */
    readonly version: string | null;
  };

export type MountTuning = Pick<Mount, "description" | "config" | "options">;

/** Throws `invalid_request` for a type or version that is not there. */
export function newMount(request: MountRequest, random: RandomBytes): Mount {
  const { version, ...rest } = request;
  if (version !== null) throw notInCatalog(request.type, version);
  const { type, options } = engineOf(request.type, request.options);
  return nameMount({ ...rest, type, options }, random);
}

/** The version of a kv mount; null for other engines. */
export function kvVersion({ type, options }: Pick<Mount, "type" | "options">): 1 | 2 | null {
  if (type !== "kv" && type !== "generic") return null;
  // As a number: a tune once stored "02" and "+2" as they were sent.
  return Number(options?.["version"]) === 2 ? 2 : 1;
}

export function dataPrefix(dataId: string): string {
  return `${MOUNT_DATA_PREFIX}${dataId}/`;
}

function nameMount(
  parts: Omit<Mount, "accessor" | "uuid" | "dataId" | "upgrade">,
  random: RandomBytes,
): Mount {
  const uuid = randomUuid(random);
  const accessor = `${parts.type}_${randomUuid(random).slice(0, 8)}`;
  return { ...parts, accessor, uuid, dataId: uuid, upgrade: null };
}

function engineOf(type: string, options: MountOptions): Pick<Mount, "type" | "options"> {
  switch (type) {
    case "kv":
      if (!["", "1", "2"].includes(options?.["version"] ?? "")) {
        throw invalidRequest('nil backend of type "kv" returned from factory');
      }
      return { type, options };
    case "kv-v1":
      return { type: "kv", options: { ...options, version: "1" } };
    case "kv-v2":
      return { type: "kv", options: { ...options, version: "2" } };
    case "generic":
    case "transit":
      return { type, options };
    default:
      throw notInCatalog(type);
  }
}

/** The mounts every vault has. */
export function initialMountsEntry(random: RandomBytes): Entry {
  const builtIn = (
    path: string,
    type: EngineType,
    description: string,
    flags: { readonly local?: boolean; readonly sealWrap?: boolean },
  ): Mount =>
    nameMount({
      path,
      type,
      description,
      local: flags.local ?? false,
      sealWrap: flags.sealWrap ?? false,
      externalEntropyAccess: false,
      options: null,
      config: DEFAULT_SETTINGS,
    }, random);
  const mounts = [
    builtIn("cubbyhole/", "cubbyhole", "per-token private secret storage", { local: true }),
    builtIn("identity/", "identity", "identity store", {}),
    builtIn("sys/", "system", "system endpoints used for control, policy and debugging", {
      sealWrap: true,
    }),
  ];
  return mountsEntry({ mounts, removing: [] });
}

export function mountsEntry({ mounts, removing }: StoredMounts): Entry {
  const value = encodeUtf8(JSON.stringify({ version: 1, mounts, removing }));
  return { path: MOUNTS_PATH, value };
}

/**
 * Older records lack what was added later: then the data lies below the uuid, nothing is set, and
 * nothing is being removed.
 */
export function decodeMounts(bytes: Uint8Array): StoredMounts {
  const { mounts, removing = [] } = JSON.parse(decodeUtf8(bytes)) as {
    mounts: readonly OlderMount[];
    removing?: readonly string[];
  };
  return { mounts: mounts.map(withDefaults), removing };
}

function withDefaults(stored: OlderMount): Mount {
  return {
    ...stored,
    dataId: stored.dataId ?? stored.uuid,
    upgrade: stored.upgrade ?? null,
    config: { ...DEFAULT_SETTINGS, ...stored.config },
  };
}

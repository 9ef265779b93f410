/** The mount of a secrets engine, and a new vault's mounts. Pure except for random ids. */

import { DEFAULT_SETTINGS, type MountSettings, notInCatalog } from "../../access/mount_settings.ts";
import type { Entry } from "../../barrier/change.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import type { EngineMount, EngineType } from "../../engines/engine_module.ts";
import { engineNamed } from "../../engines/engines.ts";
import { MOUNTS_PATH } from "../../storage/record_paths.ts";
import { encodeTable, type StoredMount } from "./mount_table.ts";

/** The API itself serves `system` and `identity`. */
export type MountType = EngineType | "system" | "identity";

export interface Mount extends StoredMount, EngineMount {
  readonly type: MountType;
  readonly description: string;
  readonly accessor: string;
  readonly local: boolean;
  readonly externalEntropyAccess: boolean;
  readonly config: MountSettings;
}

export type MountRequest =
  & Pick<
    Mount,
    "path" | "description" | "local" | "sealWrap" | "externalEntropyAccess" | "config" | "options"
  >
  & {
    readonly type: string;
    /** Version of a plugin; null for a built-in engine. */
    readonly version: string | null;
  };

export type MountTuning = Pick<Mount, "description" | "config" | "options">;

/** Throws `invalid_request` for an unknown type or version. */
export function newMount(request: MountRequest, random: RandomBytes): Mount {
  const { version, type: name, options, ...rest } = request;
  if (version !== null) throw notInCatalog(name, version);
  const engine = engineNamed(name);
  const named = engine?.names[name];
  if (engine === null || named === undefined) throw notInCatalog(name);
  return nameMount({ ...rest, type: engine.type, options: named(options) }, random);
}

/** The entry with a new vault's mounts. */
export function initialMountsEntry(random: RandomBytes): Entry {
  const builtIn = (
    path: string,
    type: MountType,
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
  const value = encodeTable([
    builtIn("cubbyhole/", "cubbyhole", "per-token private secret storage", { local: true }),
    builtIn("identity/", "identity", "identity store", {}),
    builtIn("sys/", "system", "system endpoints used for control, policy and debugging", {
      sealWrap: true,
    }),
  ]);
  return { path: MOUNTS_PATH, value };
}

function nameMount(
  parts: Omit<Mount, "accessor" | "uuid" | "dataId" | "upgrade">,
  random: RandomBytes,
): Mount {
  const uuid = randomUuid(random);
  const accessor = `${parts.type}_${randomUuid(random).slice(0, 8)}`;
  return { ...parts, accessor, uuid, dataId: uuid, upgrade: null };
}

/** Fills in what older records lack. Their data lies below the uuid. */
export function readMount(stored: Omit<Mount, "dataId" | "upgrade"> & Partial<Mount>): Mount {
  return {
    ...stored,
    dataId: stored.dataId ?? stored.uuid,
    upgrade: stored.upgrade ?? null,
    config: { ...DEFAULT_SETTINGS, ...stored.config },
  };
}

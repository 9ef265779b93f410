/**
 * What the vault needs of an engine's type and of an engine on a mount. Each type is a row of
 * `engines.ts`; its code is loaded when a mount first needs it.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { Latch } from "../barrier/latch.ts";
import { type MountRecords, mountRecords } from "../barrier/mount_records.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { MOUNT_DATA_PREFIX } from "../storage/record_paths.ts";
import type { Engine } from "./engine.ts";

/** `generic` is kv under its old name. */
export type EngineType = "cubbyhole" | "generic" | "kv" | "transit";

export type MountOptions = Readonly<Record<string, string>> | null;

/** Records that are on their way to another place of the same mount. */
export interface MountUpgrade {
  /** They lie below this id until they have moved. */
  readonly fromId: string;
  /** Milliseconds since the epoch when it was asked for. */
  readonly atMs: number;
}

/** What an engine knows of its mount. */
export interface EngineMount {
  /** Its records lie below this id. */
  readonly dataId: string;
  /** Also for a while when all have moved: until the table is next written. */
  readonly upgrade: MountUpgrade | null;
  readonly sealWrap: boolean;
  /** Null: the engine takes none. */
  readonly options: MountOptions;
}

export interface EnginePorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  /** The mount as the table has it now; null when it is gone. */
  readonly mount: () => EngineMount | null;
}

/** Moving a mount's records when its settings say so. */
export interface EngineUpgrade {
  /** Whether the change of settings needs one. */
  begins(before: EngineMount, after: EngineMount): boolean;
  /** Throws `invalid_request` where a record could not be moved: once begun, it could not end. */
  refuseUnmovable(upgrading: EngineMount): Promise<void>;
  /** Moves some records; true when none are left. May be called again after any failure. */
  move(): Promise<boolean>;
  /** Whether everything of this mount has moved. */
  isOver(mount: EngineMount): boolean;
}

/** An engine on its mount. */
export interface ServedEngine extends Pick<Engine, "exists" | "handle"> {
  /** For callers that describe them. */
  paths(): Promise<Engine["paths"]>;
  /** Runs `body` while no request is served, so that removing a mount leaves none under way. */
  alone<T>(body: () => Promise<T>): Promise<T>;
  readonly upgrade?: EngineUpgrade;
}

/** One row of the table of engines. */
export interface EngineModule {
  readonly type: EngineType;
  /**
   * The names it is mounted by, and the options that each stands for. Empty: every vault has one such
   * mount from its beginning.
   */
  readonly names: Readonly<Record<string, (options: MountOptions) => MountOptions>>;
  /** Listed in the catalogue of plugins under its type. */
  readonly isCatalogued: boolean;
  readonly serve: (ports: EnginePorts) => ServedEngine;
  /** Removes what a token that is gone has stored. */
  readonly tokenEnded?: (records: MountRecords, tokenScope: string) => Promise<void>;
}

export function dataPrefix(dataId: string): string {
  return `${MOUNT_DATA_PREFIX}${dataId}/`;
}

/** Makes an engine on the records of a mount. */
export function createOn(
  barrier: Barrier,
  { dataId, sealWrap }: EngineMount,
  create: (records: MountRecords) => Engine,
): Engine {
  const wraps = (path: string) => sealWrap && engine.wrapsPath(path);
  const engine: Engine = create(mountRecords(barrier, dataPrefix(dataId), wraps));
  return engine;
}

/** An engine whose code is loaded when it is first used. */
export function lazyEngine(
  { barrier, mount }: EnginePorts,
  load: () => Promise<(records: MountRecords) => Engine>,
): ServedEngine {
  const latch = new Latch();
  let loading: Promise<Engine> | null = null;
  const engine = async (): Promise<Engine> => {
    const now = mount();
    // A request routed before the mount was removed would write where nobody looks any more.
    if (now === null) throw new VaultError("unsupported_path", "unsupported path");
    loading ??= load().then((create) => createOn(barrier, now, create));
    loading.catch(() => loading = null);
    return await loading;
  };
  const serve = async <T>(body: (engine: Engine) => Promise<T>): Promise<T> =>
    await latch.shared(async () => await body(await engine()));
  return {
    exists: (path, tokenScope) => serve((on) => on.exists(path, tokenScope)),
    handle: (request) => serve((on) => on.handle(request)),
    paths: async () => (await engine()).paths,
    alone: (body) => latch.exclusive(body),
  };
}

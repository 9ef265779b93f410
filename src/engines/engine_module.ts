/**
 * What the vault needs of an engine type, and of an engine on a mount. Each type is a row of
 * `engines.ts`. Its code is loaded when a mount first needs it.
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

/** Records that are moving to another place of the same mount. */
export interface MountUpgrade {
  /** Records that have not moved yet lie below this id. */
  readonly fromId: string;
  /** When the move was requested, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** What an engine knows about its mount. */
export interface EngineMount {
  /** The mount's records lie below this id. */
  readonly dataId: string;
  /** Stays set after everything has moved, until the table is next written. */
  readonly upgrade: MountUpgrade | null;
  readonly sealWrap: boolean;
  /** Null if the engine takes none. */
  readonly options: MountOptions;
}

export interface EnginePorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  /** The mount as it is in the table now; null once it is removed. */
  readonly mount: () => EngineMount | null;
}

/** Moves a mount's records after a change of its settings. */
export interface EngineUpgrade {
  /** Whether the change of settings needs a move. */
  begins(before: EngineMount, after: EngineMount): boolean;
  /** Throws `invalid_request` if a record cannot be moved: the move could then never finish. */
  refuseUnmovable(upgrading: EngineMount): Promise<void>;
  /** Moves some records; true once none are left. May be called again after any failure. */
  move(): Promise<boolean>;
  /** Whether all records of the mount have moved. */
  isOver(mount: EngineMount): boolean;
}

/** An engine on its mount. */
export interface ServedEngine extends Pick<Engine, "exists" | "handle"> {
  /** For callers that describe them. */
  paths(): Promise<Engine["paths"]>;
  /** Runs `body` while no request is served, so that removing a mount leaves none in progress. */
  alone<T>(body: () => Promise<T>): Promise<T>;
  readonly upgrade?: EngineUpgrade;
}

export interface EngineModule {
  readonly type: EngineType;
  /**
   * The names to mount it by, and the options each stands for. Empty if every vault has one such
   * mount from the start.
   */
  readonly names: Readonly<Record<string, (options: MountOptions) => MountOptions>>;
  /** Whether the plugin catalogue lists it, under its type. */
  readonly isCatalogued: boolean;
  readonly serve: (ports: EnginePorts) => ServedEngine;
  /** Removes everything that an ended token stored. */
  readonly tokenEnded?: (records: MountRecords, tokenScope: string) => Promise<void>;
}

export function dataPrefix(dataId: string): string {
  return `${MOUNT_DATA_PREFIX}${dataId}/`;
}

/** Creates an engine on a mount's records. */
export function createOn(
  barrier: Barrier,
  { dataId, sealWrap }: EngineMount,
  create: (records: MountRecords) => Engine,
): Engine {
  const wraps = (path: string) => sealWrap && engine.wrapsPath(path);
  const engine: Engine = create(mountRecords(barrier, dataPrefix(dataId), wraps));
  return engine;
}

/** An engine whose code is loaded on first use. */
export function lazyEngine(
  { barrier, mount }: EnginePorts,
  load: () => Promise<(records: MountRecords) => Engine>,
): ServedEngine {
  const latch = new Latch();
  let loading: Promise<Engine> | null = null;
  const engine = async (): Promise<Engine> => {
    const now = mount();
    // A request routed before the mount was removed would write where nothing reads any more.
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

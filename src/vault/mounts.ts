/**
 * The mount table and the engines behind it. A mount's data lives below `logical/<uuid>/`, so its
 * path can change and a new mount at an old path sees nothing of the old one.
 */

import type { Barrier, Entry } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { type RandomBytes, randomUuid } from "../crypto/random.ts";
import { createCubbyhole, destroyScope } from "../engines/cubbyhole.ts";
import type { Engine, EngineStorage } from "../engines/engine.ts";
import { createKv1 } from "../engines/kv1.ts";
import { createKv2 } from "../engines/kv2.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { MOUNT_DATA_PREFIX, MOUNTS_PATH } from "../storage/record_paths.ts";
import { createMountStorage } from "./mount_storage.ts";

export type EngineType = "system" | "identity" | "cubbyhole" | "kv" | "transit";

export interface MountConfig {
  readonly defaultLeaseSeconds: number;
  readonly maxLeaseSeconds: number;
  readonly forceNoCache: boolean;
}

export interface Mount {
  /** Ends in "/". */
  readonly path: string;
  readonly type: EngineType;
  readonly description: string;
  readonly accessor: string;
  readonly uuid: string;
  readonly local: boolean;
  readonly sealWrap: boolean;
  readonly externalEntropyAccess: boolean;
  /** Null: the engine takes none. */
  readonly options: Readonly<Record<string, string>> | null;
  readonly config: MountConfig;
}

export type MountRequest =
  & Pick<
    Mount,
    "path" | "description" | "local" | "sealWrap" | "externalEntropyAccess" | "config"
  >
  & { readonly type: string; readonly options: Readonly<Record<string, string>> | null };

/** What a request needs of an engine. */
export interface ServedEngine extends Pick<Engine, "exists" | "handle"> {
  /** What the engine serves, for who describes it. */
  readonly paths: () => Promise<Engine["paths"]>;
}

export type MountTuning = Partial<Pick<Mount, "description" | "config" | "options">>;

const UNREMOVABLE: ReadonlySet<string> = new Set(["sys/", "identity/", "cubbyhole/"]);
const REMOVAL_PAGE = 500;
const NO_LEASES: MountConfig = { defaultLeaseSeconds: 0, maxLeaseSeconds: 0, forceNoCache: false };

export class MountTable {
  readonly #barrier: Barrier;
  readonly #random: RandomBytes;
  #mounts: readonly Mount[];
  readonly #engines = new Map<string, ServedEngine>();

  private constructor(barrier: Barrier, random: RandomBytes, mounts: readonly Mount[]) {
    this.#barrier = barrier;
    this.#random = random;
    this.#mounts = mounts;
  }

  static async open(barrier: Barrier, random: RandomBytes): Promise<MountTable> {
    const record = await barrier.get(MOUNTS_PATH);
    if (record === null) throw new VaultError("record_malformed", "the mount table is missing");
    return new MountTable(barrier, random, decodeMounts(record.value));
  }

  list(): readonly Mount[] {
    return this.#mounts;
  }

  /** The mount at exactly this path (with its trailing "/"). */
  at(path: string): Mount | null {
    return this.#mounts.find((mount) => mount.path === path) ?? null;
  }

  /** The mount that serves a request path, and the rest of the path. */
  route(path: string): { readonly mount: Mount; readonly rest: string } | null {
    let best: Mount | null = null;
    for (const mount of this.#mounts) {
      if (path.startsWith(mount.path) && mount.path.length > (best?.path.length ?? 0)) best = mount;
    }
    return best === null ? null : { mount: best, rest: path.slice(best.path.length) };
  }

  /** The engine of a mount; null for those that the API itself serves. */
  engine(mount: Mount): ServedEngine | null {
    const cached = this.#engines.get(mount.uuid);
    if (cached !== undefined) return cached;
    const engine = createEngine(mount, this.#random, (wraps) => this.#storage(mount, wraps));
    if (engine !== null) this.#engines.set(mount.uuid, engine);
    return engine;
  }

  async mount(request: MountRequest): Promise<void> {
    const mount = newMount(request, this.#random);
    this.#refuseCollision(mount.path);
    await this.#replace([...this.#mounts, mount]);
  }

  async tune(path: string, tuning: MountTuning): Promise<void> {
    const mount = this.at(path);
    if (mount === null) {
      throw invalidRequest(`tune of path "${path}" failed: no mount entry found`);
    }
    const tuned = { ...mount, ...tuning };
    await this.#replace(this.#mounts.map((other) => other === mount ? tuned : other));
    this.#engines.delete(mount.uuid);
  }

  /** Renames a mount, `entries` in the same commit. */
  async move(mount: Mount, path: string, entries: readonly Entry[]): Promise<void> {
    const moved = this.#mounts.map((other) => other === mount ? { ...mount, path } : other);
    await this.#replace(moved, entries);
  }

  /** Removes a mount and then, page by page, what it stored. Nothing happens when there is none. */
  async unmount(path: string): Promise<void> {
    if (UNREMOVABLE.has(path)) throw invalidRequest(`cannot unmount "${path}"`);
    const mount = this.at(path);
    if (mount === null) return;
    await this.#replace(this.#mounts.filter((other) => other !== mount));
    this.#engines.delete(mount.uuid);
    const prefix = dataPrefix(mount);
    for (;;) {
      const paths = await this.#barrier.list(prefix, "", REMOVAL_PAGE);
      if (paths.length === 0) return;
      await this.#barrier.commit({ entries: paths.map((data) => ({ path: data, value: null })) });
    }
  }

  /** Clears the private storage of a token that is gone. */
  async destroyScope(scope: string): Promise<void> {
    const mount = this.at("cubbyhole/");
    if (mount !== null) await destroyScope(this.#storage(mount, () => false), scope);
  }

  #storage(mount: Mount, wraps: (path: string) => boolean): EngineStorage {
    const wrapsPath = mount.sealWrap ? wraps : () => false;
    return createMountStorage(this.#barrier, dataPrefix(mount), wrapsPath);
  }

  #refuseCollision(path: string): void {
    if (path === "auth/" || path.startsWith("auth/") || UNREMOVABLE.has(path)) {
      throw invalidRequest(`cannot mount "${path}"`);
    }
    for (const mount of this.#mounts) {
      if (path.startsWith(mount.path) || mount.path.startsWith(path)) {
        throw invalidRequest(`path is already in use at ${mount.path}`);
      }
    }
  }

  async #replace(mounts: readonly Mount[], entries: readonly Entry[] = []): Promise<void> {
    await this.#barrier.commit({ entries: [mountsEntry(mounts), ...entries] });
    this.#mounts = mounts;
  }
}

function dataPrefix(mount: Mount): string {
  return `${MOUNT_DATA_PREFIX}${mount.uuid}/`;
}

/** An engine whose code is loaded when it is first used: few Workers need it at their start. */
function lazyEngine(load: () => Promise<Engine>): ServedEngine {
  let loading: Promise<Engine> | null = null;
  const loaded = (): Promise<Engine> =>
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    });
  return {
    exists: async (path, tokenScope) => await (await loaded()).exists(path, tokenScope),
    handle: async (request) => await (await loaded()).handle(request),
    paths: async () => (await loaded()).paths,
  };
}

function createEngine(
  mount: Mount,
  random: RandomBytes,
  storage: (wraps: (path: string) => boolean) => EngineStorage,
): ServedEngine | null {
  const open = (create: (storage: EngineStorage) => Engine): Engine => {
    const engine: Engine = create(storage((path) => engine.wrapsPath(path)));
    return engine;
  };
  const served = (engine: Engine): ServedEngine => ({ ...engine, paths: async () => engine.paths });
  switch (mount.type) {
    case "kv":
      return served(open(mount.options?.["version"] === "2" ? createKv2 : createKv1));
    case "cubbyhole":
      return served(open(createCubbyhole));
    case "transit":
      return lazyEngine(async () => {
        const { createTransit } = await import("../engines/transit.ts");
        return open((storage) => createTransit(storage, random));
      });
    default:
      return null;
  }
}

function newMount(request: MountRequest, random: RandomBytes): Mount {
  const { type, options } = engineOf(request.type, request.options);
  return {
    path: request.path,
    type,
    description: request.description,
    accessor: newAccessor(type, random),
    uuid: randomUuid(random),
    local: request.local,
    sealWrap: request.sealWrap,
    externalEntropyAccess: request.externalEntropyAccess,
    options,
    config: request.config,
  };
}

function engineOf(
  type: string,
  options: Readonly<Record<string, string>> | null,
): { type: EngineType; options: Readonly<Record<string, string>> } {
  switch (type) {
    case "kv":
    case "generic":
      return { type: "kv", options: options ?? {} };
    case "kv-v1":
      return { type: "kv", options: { ...options, version: "1" } };
    case "kv-v2":
      return { type: "kv", options: { ...options, version: "2" } };
    case "transit":
      return { type: "transit", options: options ?? {} };
    default:
      throw invalidRequest(`plugin not found in the catalog: ${type}`);
  }
}

function newAccessor(type: EngineType, random: RandomBytes): string {
  return `${type}_${randomUuid(random).slice(0, 8)}`;
}

/** The mounts every vault has. */
export function initialMountsEntry(random: RandomBytes): Entry {
  const builtIn = (
    path: string,
    type: EngineType,
    description: string,
    flags: { readonly local?: boolean; readonly sealWrap?: boolean },
  ): Mount => ({
    path,
    type,
    description,
    accessor: newAccessor(type, random),
    uuid: randomUuid(random),
    local: flags.local ?? false,
    sealWrap: flags.sealWrap ?? false,
    externalEntropyAccess: false,
    options: null,
    config: NO_LEASES,
  });
  return mountsEntry([
    builtIn("cubbyhole/", "cubbyhole", "per-token private secret storage", { local: true }),
    builtIn("identity/", "identity", "identity store", {}),
    builtIn("sys/", "system", "system endpoints used for control, policy and debugging", {
      sealWrap: true,
    }),
  ]);
}

function mountsEntry(mounts: readonly Mount[]): Entry {
  return { path: MOUNTS_PATH, value: encodeUtf8(JSON.stringify({ version: 1, mounts })) };
}

function decodeMounts(bytes: Uint8Array): readonly Mount[] {
  return (JSON.parse(decodeUtf8(bytes)) as { mounts: readonly Mount[] }).mounts;
}

/** What serves the requests on a mount. */

import type { Barrier } from "../barrier/barrier.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { createCubbyhole } from "../engines/cubbyhole.ts";
import type { Engine, EngineStorage } from "../engines/engine.ts";
import { KvMount } from "./kv_mount.ts";
import { dataPrefix, type Mount } from "./mount_record.ts";
import { createMountStorage } from "./mount_storage.ts";

/** What a request needs of an engine. */
export interface ServedEngine extends Pick<Engine, "exists" | "handle"> {
  /** What the engine serves, for who describes it. */
  readonly paths: () => Promise<Engine["paths"]>;
}

/** Makes an engine on the records of a mount. */
export type EngineFactory = (mount: Mount, create: (storage: EngineStorage) => Engine) => Engine;

export interface EnginePorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  /** A mount as the table has it now; null when it is gone. */
  readonly mount: (uuid: string) => Mount | null;
}

/** Null for the mounts that the API itself serves. */
export function serveMount(mount: Mount, ports: EnginePorts): ServedEngine | null {
  const { barrier, random } = ports;
  const create: EngineFactory = (on, make) => {
    const engine: Engine = make(mountStorage(barrier, on, (path) => engine.wrapsPath(path)));
    return engine;
  };
  switch (mount.type) {
    case "kv":
    case "generic":
      return new KvMount({ barrier, mount: () => ports.mount(mount.uuid), create });
    case "cubbyhole": {
      const engine = create(mount, createCubbyhole);
      return { ...engine, paths: async () => engine.paths };
    }
    case "transit":
      return lazyEngine(async () => {
        const { createTransit } = await import("../engines/transit.ts");
        return create(mount, (storage) => createTransit(storage, random));
      });
    default:
      return null;
  }
}

export function mountStorage(
  barrier: Barrier,
  { dataId, sealWrap }: Mount,
  wraps: (path: string) => boolean,
): EngineStorage {
  return createMountStorage(barrier, dataPrefix(dataId), sealWrap ? wraps : () => false);
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

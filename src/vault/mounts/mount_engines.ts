/** What serves the requests on a mount. */

import type { Barrier } from "../../barrier/barrier.ts";
import { Latch } from "../../barrier/latch.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { createCubbyhole } from "../../engines/cubbyhole.ts";
import type { Engine } from "../../engines/engine.ts";
import { VaultError } from "../../errors.ts";
import { KvMount } from "../../engines/kv/kv_mount.ts";
import { dataPrefix, type Mount } from "./mount_record.ts";
import { type MountRecords, mountRecords } from "../../barrier/mount_records.ts";

/** What a request needs of an engine. */
export interface ServedEngine extends Pick<Engine, "exists" | "handle"> {
  /** What the engine serves, for who describes it. */
  readonly paths: () => Promise<Engine["paths"]>;
  /** Runs `body` while no request is served. Who removes the mount so leaves no request under way. */
  alone<T>(body: () => Promise<T>): Promise<T>;
}

/** Makes an engine on the records of a mount. */
export type EngineFactory = (mount: Mount, create: (storage: MountRecords) => Engine) => Engine;

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
  const isThere = (): boolean => ports.mount(mount.uuid) !== null;
  switch (mount.type) {
    case "kv":
    case "generic":
      return new KvMount({ barrier, mount: () => ports.mount(mount.uuid), create });
    case "cubbyhole":
      return lazyEngine(isThere, async () => create(mount, createCubbyhole));
    case "transit":
      return lazyEngine(isThere, async () => {
        const { createTransit } = await import("../../engines/transit/transit.ts");
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
): MountRecords {
  return mountRecords(barrier, dataPrefix(dataId), sealWrap ? wraps : () => false);
}

/** An engine whose code is loaded when it is first used: few Workers need it at their start. */
function lazyEngine(isThere: () => boolean, load: () => Promise<Engine>): ServedEngine {
  const latch = new Latch();
  let loading: Promise<Engine> | null = null;
  const loaded = (): Promise<Engine> =>
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    });
  const serve = async <T>(body: (engine: Engine) => Promise<T>): Promise<T> =>
    await latch.shared(async () => {
      // What was routed before the mount was removed would write where nobody looks any more.
      if (!isThere()) throw new VaultError("unsupported_path", "unsupported path");
      return await body(await loaded());
    });
  return {
    exists: (path, tokenScope) => serve((engine) => engine.exists(path, tokenScope)),
    handle: (request) => serve((engine) => engine.handle(request)),
    paths: async () => (await loaded()).paths,
    alone: (body) => latch.exclusive(body),
  };
}

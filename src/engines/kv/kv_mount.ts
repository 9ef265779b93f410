/**
 * The engine of a kv mount, of either version, and what it does while it becomes version 2: requests
 * find the one version or the other, never something in between.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import { Latch } from "../../barrier/latch.ts";
import type { Engine, EngineReply, EngineRequest } from "../engine.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { EngineFactory, ServedEngine } from "../../vault/mounts/mount_engines.ts";
import type { KvMove } from "./upgrade.ts";
import { dataPrefix, kvVersion, type Mount } from "../../vault/mounts/mount_record.ts";
import { Mutex } from "../../vault/mutex.ts";

/** Pages that one request moves before it tells its client to come again. */
const PAGES_PER_REQUEST = 5;
const UPGRADING = "Upgrading from non-versioned to versioned data. This backend will be " +
  "unavailable for a brief period and will resume service shortly.";

export interface KvMountPorts {
  readonly barrier: Barrier;
  /** The mount as the table has it now; null when it is gone. */
  readonly mount: () => Mount | null;
  readonly create: EngineFactory;
}

export class KvMount implements ServedEngine {
  readonly #ports: KvMountPorts;
  /** Requests share it; who changes the version, or removes the mount, holds it alone. */
  readonly #latch = new Latch();
  readonly #pages = new Mutex();
  #engine: { readonly dataId: string; readonly engine: Engine } | null = null;
  /** The upgrade that is known to be over. */
  #ended: string | null = null;

  constructor(ports: KvMountPorts) {
    this.#ports = ports;
  }

  async exists(path: string, tokenScope: string): Promise<boolean> {
    return await this.#latch.shared(async () => (await this.#ready()).exists(path, tokenScope));
  }

  async handle(request: EngineRequest): Promise<EngineReply> {
    return await this.#latch.shared(async () => (await this.#ready()).handle(request));
  }

  async paths(): Promise<Engine["paths"]> {
    return (await this.#current(this.#mount())).paths;
  }

  /** Runs `body` while no request is served. */
  async alone<T>(body: () => Promise<T>): Promise<T> {
    return await this.#latch.exclusive(body);
  }

  /** Whether everything that was stored by version 1 has moved. */
  isUpgraded(mount: Mount): boolean {
    return mount.upgrade === null || mount.upgrade.fromId === this.#ended;
  }

  /** Moves some pages; true when nothing is left to move. */
  async upgrade(): Promise<boolean> {
    return await this.#latch.shared(() => this.#movePages());
  }

  async #movePages(): Promise<boolean> {
    for (let moved = 0; moved < PAGES_PER_REQUEST; moved++) {
      if (await this.#pages.run(() => this.#movePage())) return true;
    }
    return false;
  }

  async #movePage(): Promise<boolean> {
    const mount = this.#ports.mount();
    if (mount === null || mount.upgrade === null || this.isUpgraded(mount)) return true;
    const { moveSome } = await import("./upgrade.ts");
    if (!await moveSome(this.#ports.barrier, moveOf(mount, mount.upgrade))) return false;
    this.#ended = mount.upgrade.fromId;
    return true;
  }

  /** The engine, when it may be asked. */
  async #ready(): Promise<Engine> {
    const mount = this.#mount();
    if (!this.isUpgraded(mount) && !await this.#movePages()) throw invalidRequest(UPGRADING);
    return await this.#current(mount);
  }

  #mount(): Mount {
    const mount = this.#ports.mount();
    if (mount === null) throw new VaultError("unsupported_path", "unsupported path");
    return mount;
  }

  async #current(mount: Mount): Promise<Engine> {
    // With the version changes where the records lie.
    if (this.#engine?.dataId === mount.dataId) return this.#engine.engine;
    const engine = this.#ports.create(mount, await loadKv(kvVersion(mount)));
    this.#engine = { dataId: mount.dataId, engine };
    return engine;
  }
}

/** Each version is loaded when it is first used: a Worker starts without. */
async function loadKv(version: number | null) {
  if (version === 2) return (await import("./kv2.ts")).createKv2;
  return (await import("./kv1.ts")).createKv1;
}

export function moveOf(mount: Mount, { fromId, atMs }: NonNullable<Mount["upgrade"]>): KvMove {
  const [from, to] = [dataPrefix(fromId), dataPrefix(mount.dataId)];
  return { from, to, sealWrap: mount.sealWrap, atMs };
}

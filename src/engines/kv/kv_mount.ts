/**
 * The engine of a kv mount, of either version, and what it does while it becomes version 2: requests
 * find the one version or the other, never something in between.
 */

import { Latch } from "../../barrier/latch.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { Mutex } from "../../barrier/mutex.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { Engine, EngineReply, EngineRequest } from "../engine.ts";
import {
  createOn,
  dataPrefix,
  type EngineMount,
  type EnginePorts,
  type EngineUpgrade,
  type ServedEngine,
} from "../engine_module.ts";
import type { KvMove } from "./upgrade.ts";

/** Pages that one request moves before it tells its client to come again. */
const PAGES_PER_REQUEST = 5;
const UPGRADING = "Upgrading from non-versioned to versioned data. This backend will be " +
  "unavailable for a brief period and will resume service shortly.";

export class KvMount implements ServedEngine {
  readonly #ports: EnginePorts;
  /** Requests share it; changing the version and removing the mount hold it alone. */
  readonly #latch = new Latch();
  readonly #pages = new Mutex();
  #engine: { readonly dataId: string; readonly engine: Engine } | null = null;
  /** The upgrade that is known to be over. */
  #ended: string | null = null;
  readonly upgrade: EngineUpgrade = {
    begins: (before, after) => kvVersion(before) === 1 && kvVersion(after) === 2,
    refuseUnmovable: (upgrading) => this.#refuseUnmovable(upgrading),
    move: () => this.#latch.shared(() => this.#movePages()),
    isOver: (mount) => this.#isOver(mount),
  };

  constructor(ports: EnginePorts) {
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

  async alone<T>(body: () => Promise<T>): Promise<T> {
    return await this.#latch.exclusive(body);
  }

  #isOver({ upgrade }: EngineMount): boolean {
    return upgrade === null || upgrade.fromId === this.#ended;
  }

  async #refuseUnmovable(upgrading: EngineMount): Promise<void> {
    const { refuseUnmovable } = await import("./upgrade.ts");
    const move = moveOf(upgrading);
    if (move !== null) await refuseUnmovable(this.#ports.barrier, move);
  }

  async #movePages(): Promise<boolean> {
    for (let moved = 0; moved < PAGES_PER_REQUEST; moved++) {
      if (await this.#pages.run(() => this.#movePage())) return true;
    }
    return false;
  }

  async #movePage(): Promise<boolean> {
    const mount = this.#ports.mount();
    const move = mount === null || this.#isOver(mount) ? null : moveOf(mount);
    if (move === null) return true;
    const { moveSome } = await import("./upgrade.ts");
    if (!await moveSome(this.#ports.barrier, move)) return false;
    this.#ended = mount?.upgrade?.fromId ?? null;
    return true;
  }

  /** The engine, when it may be asked. */
  async #ready(): Promise<Engine> {
    const mount = this.#mount();
    if (!this.#isOver(mount) && !await this.#movePages()) throw invalidRequest(UPGRADING);
    return await this.#current(mount);
  }

  #mount(): EngineMount {
    const mount = this.#ports.mount();
    if (mount === null) throw new VaultError("unsupported_path", "unsupported path");
    return mount;
  }

  async #current(mount: EngineMount): Promise<Engine> {
    // With the version changes where the records lie.
    if (this.#engine?.dataId === mount.dataId) return this.#engine.engine;
    const engine = createOn(this.#ports.barrier, mount, await loadKv(kvVersion(mount)));
    this.#engine = { dataId: mount.dataId, engine };
    return engine;
  }
}

export function kvVersion({ options }: Pick<EngineMount, "options">): 1 | 2 {
  // As a number: a tune once stored "02" and "+2" as they were sent.
  return Number(options?.["version"]) === 2 ? 2 : 1;
}

/** Each version is loaded when it is first used: a Worker starts without. */
async function loadKv(version: 1 | 2): Promise<(records: MountRecords) => Engine> {
  if (version === 2) return (await import("./kv2.ts")).createKv2;
  return (await import("./kv1.ts")).createKv1;
}

/** Null where nothing is to be moved. */
function moveOf({ dataId, sealWrap, upgrade }: EngineMount): KvMove | null {
  if (upgrade === null) return null;
  const { fromId, atMs } = upgrade;
  return { from: dataPrefix(fromId), to: dataPrefix(dataId), sealWrap, atMs };
}

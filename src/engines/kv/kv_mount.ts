/**
 * The engine of a kv mount of either version, also while it is upgraded to version 2. Requests
 * always meet one version or the other, never a mixture.
 */

import { Latch } from "../../barrier/latch.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { Mutex } from "../../storage/mutex.ts";
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

/** Pages that one request moves before it tells its client to try again. */
const PAGES_PER_REQUEST = 5;
const UPGRADING = "Upgrading from non-versioned to versioned data. This backend will be " +
  "unavailable for a brief period and will resume service shortly.";

export class KvMount implements ServedEngine {
  readonly #ports: EnginePorts;
  /** Requests share it. Changing the version and removing the mount hold it exclusively. */
  readonly #latch = new Latch();
  readonly #pages = new Mutex();
  #engine: { readonly dataId: string; readonly engine: Engine } | null = null;
  /** The `fromId` of an upgrade known to have ended. */
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

  /** The engine, once no upgrade is in progress. Throws `invalid_request` until then. */
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
    // A change of version also changes where the records lie.
    if (this.#engine?.dataId === mount.dataId) return this.#engine.engine;
    const engine = createOn(this.#ports.barrier, mount, await loadKv(kvVersion(mount)));
    this.#engine = { dataId: mount.dataId, engine };
    return engine;
  }
}

export function kvVersion({ options }: Pick<EngineMount, "options">): 1 | 2 {
  // Compared as a number, because a tune once stored "02" and "+2" as sent.
  return Number(options?.["version"]) === 2 ? 2 : 1;
}

/** Loads a version on first use, so that a Worker starts without it. */
async function loadKv(version: 1 | 2): Promise<(records: MountRecords) => Engine> {
  if (version === 2) return (await import("./kv2.ts")).createKv2;
  return (await import("./kv1.ts")).createKv1;
}

/** Null if nothing is to be moved. */
function moveOf({ dataId, sealWrap, upgrade }: EngineMount): KvMove | null {
  if (upgrade === null) return null;
  const { fromId, atMs } = upgrade;
  return { from: dataPrefix(fromId), to: dataPrefix(dataId), sealWrap, atMs };
}

/**
 * The mount table and the engines behind it. A mount's data lives below an id of its own in
 * `logical/`, so its path can change and a new mount at an old path sees nothing of the old one.
 */

import type { Barrier, Entry } from "../../barrier/barrier.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { destroyScope } from "../../engines/cubbyhole.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { MOUNTS_PATH } from "../../storage/record_paths.ts";
import { KvMount, moveOf } from "../../engines/kv/kv_mount.ts";
import { mountStorage, type ServedEngine, serveMount } from "./mount_engines.ts";
import {
  dataPrefix,
  decodeMounts,
  kvVersion,
  type Mount,
  type MountRequest,
  mountsEntry,
  type MountTuning,
  newMount,
  type StoredMounts,
} from "./mount_record.ts";
import { removeBelow } from "../../barrier/mount_records.ts";

export type { ServedEngine } from "./mount_engines.ts";
export { initialMountsEntry } from "./mount_record.ts";
export type { EngineType, Mount, MountConfig, MountRequest, MountTuning } from "./mount_record.ts";

/** Nothing is mounted below them, and what is there stays. */
export const PROTECTED_MOUNTS: readonly string[] = [
  "audit/",
  "auth/",
  "sys/",
  "cubbyhole/",
  "identity/",
];
/** Types of which there is one mount. */
const SINGLETONS: ReadonlySet<string> = new Set([
  "cubbyhole",
  "ns_cubbyhole",
  "system",
  "ns_system",
  "token",
  "ns_token",
  "identity",
  "ns_identity",
]);

export class MountTable {
  readonly #barrier: Barrier;
  readonly #random: RandomBytes;
  #mounts: readonly Mount[];
  #removing: readonly string[];
  readonly #engines = new Map<string, ServedEngine>();

  private constructor(barrier: Barrier, random: RandomBytes, stored: StoredMounts) {
    this.#barrier = barrier;
    this.#random = random;
    this.#mounts = stored.mounts;
    this.#removing = stored.removing;
  }

  static async open(barrier: Barrier, random: RandomBytes): Promise<MountTable> {
    const record = await barrier.get(MOUNTS_PATH);
    if (record === null) throw new VaultError("record_malformed", "the mount table is missing");
    const table = new MountTable(barrier, random, decodeMounts(record.value));
    await table.#resumeUpgrades();
    await table.#resumeRemovals();
    return table;
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
    const engine = serveMount(mount, {
      barrier: this.#barrier,
      random: this.#random,
      mount: (uuid) => this.#byUuid(uuid),
    });
    if (engine !== null) this.#engines.set(mount.uuid, engine);
    return engine;
  }

  async mount(request: MountRequest): Promise<void> {
    this.#refusePath(request.path, request.type);
    await this.#replace([...this.#mounts, newMount(request, this.#random)]);
  }

  /**
   * Changes what is said of a mount. A kv mount that becomes version 2 gets a new place for its
   * records in the same commit; they follow by `upgrade`. `nowMs`: when they got their version.
   */
  async tune(mount: Mount, tuning: MountTuning, nowMs: number): Promise<void> {
    const tuned: Mount = { ...mount, ...tuning };
    const engine = this.engine(mount);
    const isUpgrade = kvVersion(mount) === 1 && kvVersion(tuned) === 2;
    if (!isUpgrade || !(engine instanceof KvMount)) return await this.#exchange(mount, tuned);
    const upgrade = { fromId: mount.dataId, atMs: nowMs };
    const upgrading = { ...tuned, dataId: randomUuid(this.#random), upgrade };
    // A request of version 1 that is still under way could write where nobody looks any more.
    const { refuseUnmovable } = await import("../../engines/kv/upgrade.ts");
    await engine.alone(async () => {
      await refuseUnmovable(this.#barrier, moveOf(upgrading, upgrade));
      await this.#exchange(mount, upgrading);
    });
  }

  /** Moves some records of an upgrade that was begun; true when none are left. */
  async upgrade({ uuid }: Mount): Promise<boolean> {
    const mount = this.#byUuid(uuid);
    const engine = mount === null ? null : this.engine(mount);
    return engine instanceof KvMount ? await engine.upgrade() : true;
  }

  /** Renames a mount, `entries` in the same commit. */
  async move(mount: Mount, path: string, entries: readonly Entry[]): Promise<void> {
    await this.#exchange(mount, { ...mount, path }, entries);
  }

  /**
   * Removes a mount and then, page by page, what it stored. When there is none, only what an earlier
   * call could not remove goes: whoever repeats a call that failed is told when all is gone.
   */
  async unmount(path: string): Promise<void> {
    const mount = this.at(path);
    if (mount === null) return await this.#finishRemovals();
    if (isProtected(path)) throw invalidRequest(`cannot unmount "${path}"`);
    const removing = [...this.#removing, ...dataIds(mount)];
    const forget = async (): Promise<void> => {
      const mounts = this.#mounts.filter((other) => other !== mount);
      await this.#replace(mounts, [], removing);
    };
    const engine = this.engine(mount);
    await (engine === null ? forget() : engine.alone(forget));
    this.#engines.delete(mount.uuid);
    await this.#finishRemovals();
  }

  /** Clears the private storage of a token that is gone. */
  async destroyScope(scope: string): Promise<void> {
    const mount = this.at("cubbyhole/");
    if (mount !== null) await destroyScope(mountStorage(this.#barrier, mount, () => false), scope);
  }

  #byUuid(uuid: string): Mount | null {
    return this.#mounts.find((mount) => mount.uuid === uuid) ?? null;
  }

  /** Goes on with upgrades that a stop cut off; what this does not end is left to requests. */
  async #resumeUpgrades(): Promise<void> {
    for (const mount of this.#mounts) {
      // A vault must open whatever becomes of one mount: its requests meet the same failure.
      if (mount.upgrade !== null) await this.upgrade(mount).catch(() => false);
    }
  }

  /** Goes on with removals that a stop cut off. */
  async #resumeRemovals(): Promise<void> {
    // As with upgrades, a vault must open: the next removal, or the next opening, tries again.
    await this.#finishRemovals().catch(() => undefined);
  }

  async #finishRemovals(): Promise<void> {
    if (this.#removing.length === 0) return;
    for (const dataId of this.#removing) await removeBelow(this.#barrier, dataPrefix(dataId));
    await this.#replace(this.#mounts, [], []);
  }

  #refusePath(path: string, type: string): void {
    if (isProtected(path)) throw invalidRequest(`cannot mount "${path}"`);
    if (SINGLETONS.has(type)) throw invalidRequest(`mount type of "${type}" is not mountable`);
    for (const mount of this.#mounts) {
      if (path.startsWith(mount.path) || mount.path.startsWith(path)) {
        throw invalidRequest(`path is already in use at ${mount.path}`);
      }
    }
  }

  async #exchange(mount: Mount, changed: Mount, entries: readonly Entry[] = []): Promise<void> {
    const mounts = this.#mounts.map((other) => other === mount ? changed : other);
    await this.#replace(mounts, entries);
  }

  async #replace(
    mounts: readonly Mount[],
    entries: readonly Entry[] = [],
    removing = this.#removing,
  ): Promise<void> {
    const kept = mounts.map((mount) => this.#hasEndedUpgrade(mount) ? endUpgrade(mount) : mount);
    const entry = mountsEntry({ mounts: kept, removing });
    await this.#barrier.commit({ entries: [entry, ...entries] });
    this.#mounts = kept;
    this.#removing = removing;
  }

  #hasEndedUpgrade(mount: Mount): boolean {
    const engine = this.#engines.get(mount.uuid);
    return mount.upgrade !== null && engine instanceof KvMount && engine.isUpgraded(mount);
  }
}

/** Below which a mount's records lie: in an upgrade, those of before as well. */
function dataIds({ dataId, upgrade }: Mount): readonly string[] {
  return upgrade === null ? [dataId] : [dataId, upgrade.fromId];
}

function endUpgrade(mount: Mount): Mount {
  return { ...mount, upgrade: null };
}

function isProtected(path: string): boolean {
  return PROTECTED_MOUNTS.some((prefix) => path.startsWith(prefix));
}

/** The mounted secrets engines. */

import type { Barrier, Entry } from "../../barrier/barrier.ts";
import { mountRecords } from "../../barrier/mount_records.ts";
import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { dataPrefix, type ServedEngine } from "../../engines/engine_module.ts";
import { engineModule } from "../../engines/engines.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { MOUNTS_PATH } from "../../storage/record_paths.ts";
import {
  type Mount,
  type MountRequest,
  type MountTuning,
  newMount,
  readMount,
} from "./mount_record.ts";
import { MountTable } from "./mount_table.ts";

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

export class Mounts {
  readonly #barrier: Barrier;
  readonly #random: RandomBytes;
  readonly #table: MountTable<Mount>;
  readonly #engines: Map<string, ServedEngine>;

  private constructor(
    barrier: Barrier,
    random: RandomBytes,
    table: MountTable<Mount>,
    engines: Map<string, ServedEngine>,
  ) {
    this.#barrier = barrier;
    this.#random = random;
    this.#table = table;
    this.#engines = engines;
  }

  static async open(barrier: Barrier, random: RandomBytes): Promise<Mounts> {
    const engines = new Map<string, ServedEngine>();
    const table = await MountTable.open<Mount>(
      {
        recordPath: MOUNTS_PATH,
        dataPrefix,
        // In an upgrade those of before as well.
        dataIds: ({ dataId, upgrade }) => upgrade === null ? [dataId] : [dataId, upgrade.fromId],
        read: readMount,
        settle: (mount) => {
          const isOver = engines.get(mount.uuid)?.upgrade?.isOver(mount) === true;
          return isOver ? { ...mount, upgrade: null } : mount;
        },
      },
      barrier,
      () => {
        throw new VaultError("record_malformed", "the mount table is missing");
      },
    );
    const mounts = new Mounts(barrier, random, table, engines);
    await mounts.#resume();
    return mounts;
  }

  list(): readonly Mount[] {
    return this.#table.list();
  }

  /** The mount at exactly this path (with its trailing "/"). */
  at(path: string): Mount | null {
    return this.#table.at(path);
  }

  /** The mount that serves a request path, and the rest of the path. */
  route(path: string): { readonly mount: Mount; readonly rest: string } | null {
    return this.#table.route(path);
  }

  /** The engine of a mount; null for those that the API itself serves. */
  engine({ uuid, type }: Mount): ServedEngine | null {
    const known = this.#engines.get(uuid);
    if (known !== undefined) return known;
    const engine = engineModule(type)?.serve({
      barrier: this.#barrier,
      random: this.#random,
      mount: () => this.#table.byUuid(uuid),
    }) ?? null;
    if (engine !== null) this.#engines.set(uuid, engine);
    return engine;
  }

  async mount(request: MountRequest): Promise<void> {
    this.#refusePath(request.path, request.type);
    await this.#table.add(newMount(request, this.#random));
  }

  /**
   * Changes the settings of a mount. One whose records must move gets a new place for them in the same
   * commit; they follow by `upgrade`. `nowMs`: when they got their version.
   */
  async tune(mount: Mount, tuning: MountTuning, nowMs: number): Promise<void> {
    const tuned: Mount = { ...mount, ...tuning };
    const engine = this.engine(mount);
    const upgrade = engine?.upgrade;
    if (engine === null || upgrade?.begins(mount, tuned) !== true) {
      return await this.#table.change(tuned);
    }
    const upgrading: Mount = {
      ...tuned,
      dataId: randomUuid(this.#random),
      upgrade: { fromId: mount.dataId, atMs: nowMs },
    };
    // A request of version 1 that is still under way could write where nobody looks any more.
    await engine.alone(async () => {
      await upgrade.refuseUnmovable(upgrading);
      await this.#table.change(upgrading);
    });
  }

  /** Moves some records of an upgrade that was begun; true when none are left. */
  async upgrade({ uuid }: Mount): Promise<boolean> {
    const mount = this.#table.byUuid(uuid);
    const upgrade = mount === null ? undefined : this.engine(mount)?.upgrade;
    return upgrade === undefined || await upgrade.move();
  }

  /** Renames a mount, `entries` in the same commit. */
  async move(mount: Mount, path: string, entries: readonly Entry[]): Promise<void> {
    await this.#table.change({ ...mount, path }, entries);
  }

  /**
   * Removes a mount and then, page by page, what it stored. When there is none, only what an earlier
   * call could not remove goes: a caller who repeats a call that failed hears when all is gone.
   */
  async unmount(path: string): Promise<void> {
    const mount = this.at(path);
    if (mount === null) return await this.#table.finishRemovals();
    if (isProtected(path)) throw invalidRequest(`cannot unmount "${path}"`);
    const engine = this.engine(mount);
    const forget = () => this.#table.forget(mount);
    await (engine === null ? forget() : engine.alone(forget));
    this.#engines.delete(mount.uuid);
    await this.#table.finishRemovals();
  }

  /** Clears what a token that is gone has stored for itself. */
  async tokenEnded(scope: string): Promise<void> {
    for (const { type, dataId } of this.list()) {
      const ended = engineModule(type)?.tokenEnded;
      if (ended === undefined) continue;
      await ended(mountRecords(this.#barrier, dataPrefix(dataId), () => false), scope);
    }
  }

  /**
   * Goes on with upgrades and removals that a stop cut off. A vault must open whatever becomes of one
   * mount: the next request, removal or opening tries again.
   */
  async #resume(): Promise<void> {
    for (const mount of this.list()) {
      if (mount.upgrade !== null) await this.upgrade(mount).catch(() => false);
    }
    await this.#table.finishRemovals().catch(() => undefined);
  }

  #refusePath(path: string, type: string): void {
    if (isProtected(path)) throw invalidRequest(`cannot mount "${path}"`);
    if (SINGLETONS.has(type)) throw invalidRequest(`mount type of "${type}" is not mountable`);
    const conflict = this.#table.conflict(path);
    if (conflict !== null) throw invalidRequest(`path is already in use at ${conflict.path}`);
  }
}

function isProtected(path: string): boolean {
  return PROTECTED_MOUNTS.some((prefix) => path.startsWith(prefix));
}

/** The mounted secrets engines. */

import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
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

/** Nothing may be mounted below these paths, moved from or to them, or unmounted. */
export const PROTECTED_MOUNTS: readonly string[] = [
  "audit/",
  "auth/",
  "sys/",
  "cubbyhole/",
  "identity/",
];
/** Types that have exactly one mount, which clients cannot add. */
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
        // During an upgrade some records are still below the old id.
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

  /** The mount at exactly this path, which ends in "/". */
  at(path: string): Mount | null {
    return this.#table.at(path);
  }

  /** The mount serving a request path, and the rest of the path; null if none. */
  route(path: string): { readonly mount: Mount; readonly rest: string } | null {
    return this.#table.route(path);
  }

  /** The engine of a mount; null if the API itself serves it. */
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
   * Changes the settings of a mount. If its records must move, the same commit gives them a new
   * place and `upgrade` moves them. `nowMs` becomes the upgrade time.
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
    // A version 1 request still under way could write to the old place unnoticed.
    await engine.alone(async () => {
      await upgrade.refuseUnmovable(upgrading);
      await this.#table.change(upgrading);
    });
  }

  /** Moves some records of a started upgrade. True when none are left. */
  async upgrade({ uuid }: Mount): Promise<boolean> {
    const mount = this.#table.byUuid(uuid);
    const upgrade = mount === null ? undefined : this.engine(mount)?.upgrade;
    return upgrade === undefined || await upgrade.move();
  }

  /** Renames a mount and commits `entries` with it. */
  async move(mount: Mount, path: string, entries: readonly Entry[]): Promise<void> {
    await this.#table.change({ ...mount, path }, entries);
  }

  /**
   * Removes a mount and then its records, page by page. Without a mount at `path` it only finishes
   * earlier removals, so that repeating a failed call reports when everything is gone.
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

  /** Clears what an ended token has stored for itself. */
  async tokenEnded(scope: string): Promise<void> {
    for (const { type, dataId } of this.list()) {
      const ended = engineModule(type)?.tokenEnded;
      if (ended === undefined) continue;
      await ended(mountRecords(this.#barrier, dataPrefix(dataId), () => false), scope);
    }
  }

  /**
   * Resumes interrupted upgrades and removals. A failure must not keep the vault from opening: the
   * next request, removal or unseal tries again.
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

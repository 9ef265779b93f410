/**
 * The table of mounts of one kind, and the record that holds it. A mount's records live below its
 * own id, so its path can change, and a new mount at an old path never sees the old mount's data.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { removeBelow } from "../../barrier/mount_records.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { comparePaths } from "../../storage/paths.ts";
import { VaultError } from "../../errors.ts";
import { KeptRecord } from "../../barrier/kept_record.ts";

export interface StoredMount {
  /** Ends in "/". No path is a prefix of another. */
  readonly path: string;
  readonly uuid: string;
}

/** How the mounts of one kind are stored. */
export interface TableKind<M extends StoredMount> {
  /** Path of the table's record. */
  readonly recordPath: string;
  /** Path prefix of the records below this id. */
  readonly dataPrefix: (dataId: string) => string;
  /** The ids that hold a mount's records. */
  readonly dataIds: (mount: M) => readonly string[];
  /** Fills in what older records lack. */
  readonly read: (stored: M) => M;
  /** Adjusts a mount before each write. Defaults to identity. */
  readonly settle?: (mount: M) => M;
}

export class MountTable<M extends StoredMount> {
  readonly #kind: TableKind<M>;
  readonly #barrier: Barrier;
  readonly #record: KeptRecord;
  #mounts: readonly M[] = [];
  /** Ids of removed mounts that may still have records. */
  #removing: readonly string[] = [];

  private constructor(kind: TableKind<M>, barrier: Barrier) {
    this.#kind = kind;
    this.#barrier = barrier;
    this.#record = new KeptRecord(barrier, kind.recordPath);
  }

  /** `initial` gives the mounts of a vault without this record. */
  static async open<M extends StoredMount>(
    kind: TableKind<M>,
    barrier: Barrier,
    initial: () => readonly M[],
  ): Promise<MountTable<M>> {
    const table = new MountTable(kind, barrier);
    if (!await table.#load()) table.#mounts = initial();
    return table;
  }

  /** False if there is no record; then nothing changed. */
  async #load(): Promise<boolean> {
    const value = await this.#record.load();
    if (value === null) return false;
    const { mounts, removing = [] } = JSON.parse(decodeUtf8(value)) as {
      readonly mounts: readonly M[];
      readonly removing?: readonly string[];
    };
    this.#mounts = mounts.map(this.#kind.read);
    this.#removing = removing;
    return true;
  }

  list(): readonly M[] {
    return this.#mounts;
  }

  /** The mount at exactly this path. */
  at(path: string): M | null {
    return this.#mounts.find((mount) => mount.path === path) ?? null;
  }

  byUuid(uuid: string): M | null {
    return this.#mounts.find((mount) => mount.uuid === uuid) ?? null;
  }

  /** The mount serving a path, and the rest of the path; null if none. */
  route(path: string): { readonly mount: M; readonly rest: string } | null {
    const mount = this.#mounts.find((candidate) => path.startsWith(candidate.path));
    return mount === undefined ? null : { mount, rest: path.slice(mount.path.length) };
  }

  /** A mount whose path overlaps this one; null if none. */
  conflict(path: string): M | null {
    const overlaps = (mount: M) => path.startsWith(mount.path) || mount.path.startsWith(path);
    return this.#mounts.find(overlaps) ?? null;
  }

  async add(mount: M): Promise<void> {
    await this.#replace([...this.#mounts, mount]);
  }

  /** Replaces the mount with the same uuid and commits `entries` with it. */
  async change(changed: M, entries: readonly Entry[] = []): Promise<void> {
    const mounts = this.#mounts.map((mount) => mount.uuid === changed.uuid ? changed : mount);
    await this.#replace(mounts, entries);
  }

  /** First step of a removal: drops the mount and marks its records for removal. */
  async forget(mount: M): Promise<void> {
    const mounts = this.#mounts.filter(({ uuid }) => uuid !== mount.uuid);
    await this.#replace(mounts, [], [...this.#removing, ...this.#kind.dataIds(mount)]);
  }

  /** Removes the records of dropped mounts, page by page. Resumes after any interruption. */
  async finishRemovals(): Promise<void> {
    if (this.#removing.length === 0) return;
    for (const id of this.#removing) await removeBelow(this.#barrier, this.#kind.dataPrefix(id));
    await this.#replace(this.#mounts, [], []);
  }

  async #replace(
    mounts: readonly M[],
    entries: readonly Entry[] = [],
    removing = this.#removing,
  ): Promise<void> {
    const { settle = (mount: M) => mount } = this.#kind;
    const kept = mounts.map(settle).sort((left, right) => comparePaths(left.path, right.path));
    try {
      await this.#record.write(encodeTable(kept, removing), entries);
    } catch (error) {
      // Another process has changed the table. The next request finds it as it is.
      if (error instanceof VaultError && error.code === "store_conflict") await this.#load();
      throw error;
    }
    this.#mounts = kept;
    this.#removing = removing;
  }
}

export function encodeTable(
  mounts: readonly StoredMount[],
  removing: readonly string[] = [],
): Uint8Array {
  return encodeUtf8(JSON.stringify({ version: 1, mounts, removing }));
}

/**
 * Who owns the store. Opening it writes a new epoch, and from then on the process that had it open
 * before neither reads nor writes: each read looks at the epoch, and each commit checks it.
 */

import { VaultError } from "../../errors.ts";
import { type Kv, type KvEntry, type KvKey, SNAPSHOT_KEYS } from "./kv.ts";
import {
  ALL_KEYS,
  type Epoch,
  EPOCH_KEY,
  epochOf,
  FIRST_META,
  META_KEY,
  metaOf,
} from "./kv_format.ts";

/** To become the owner, or to stay it, while others try too. */
const TRIES = 10;

export interface OwnerReads {
  /** One entry for each key. A snapshot, if they are fewer than `SNAPSHOT_KEYS`. */
  readonly entries: readonly KvEntry[];
  /** The epoch that a commit based on these reads must check. */
  readonly epoch: KvEntry;
}

/** All reject with `VaultError("store_failed")` if another process has opened the store since. */
export interface Owner {
  read(keys: readonly KvKey[]): Promise<OwnerReads>;
  /** What was read before is no older than the ownership. */
  verify(): Promise<void>;
  /** Begins a new epoch of the same owner: no commit that is still on its way can be applied. */
  renew(): Promise<void>;
}

/** `name` must be that of no other opening, ever. */
export async function takeOwnership(kv: Kv, name: string): Promise<Owner> {
  for (let tried = 0; tried < TRIES; tried++) {
    if (await tryToTake(kv, name)) return createOwner(kv, name);
  }
  throw new VaultError("store_failed", "cannot open the store: others keep opening it");
}

async function tryToTake(kv: Kv, name: string): Promise<boolean> {
  const [epoch, meta] = await kv.getMany([EPOCH_KEY, META_KEY]) as [KvEntry, KvEntry];
  const taking = kv.atomic()
    .check({ key: EPOCH_KEY, versionstamp: epoch.versionstamp })
    .check({ key: META_KEY, versionstamp: meta.versionstamp })
    .set(EPOCH_KEY, nextEpoch(epoch, name));
  if (meta.versionstamp === null) {
    await refuseForeignData(kv);
    taking.set(META_KEY, FIRST_META);
  } else metaOf(meta);
  return (await taking.commit()).ok;
}

function nextEpoch(entry: KvEntry, owner: string): Epoch {
  return { owner, count: (epochOf(entry)?.count ?? 0) + 1 };
}

async function refuseForeignData(kv: Kv): Promise<void> {
  for await (const _entry of kv.list(ALL_KEYS, { limit: 1, batchSize: 1 })) {
    throw new VaultError(
      "store_failed",
      "cannot open the store: its database holds data of something else",
    );
  }
}

function createOwner(kv: Kv, name: string): Owner {
  async function snapshot(keys: readonly KvKey[]): Promise<OwnerReads> {
    const [epoch, ...entries] = await kv.getMany([EPOCH_KEY, ...keys]);
    if (epoch === undefined || epochOf(epoch)?.owner !== name) throw deposed();
    return { entries, epoch };
  }

  return {
    async read(keys) {
      const [first, ...rest] = await Promise.all(inSnapshots(keys).map(snapshot));
      if (first === undefined) throw new TypeError("no keys to read");
      return { ...first, entries: [first, ...rest].flatMap(({ entries }) => entries) };
    },
    async verify() {
      await snapshot([]);
    },
    async renew() {
      for (let tried = 0; tried < TRIES; tried++) {
        const { epoch } = await snapshot([]);
        const renewed = await kv.atomic()
          .check({ key: EPOCH_KEY, versionstamp: epoch.versionstamp })
          .set(EPOCH_KEY, nextEpoch(epoch, name))
          .commit();
        if (renewed.ok) return;
      }
      throw new VaultError("store_failed", "cannot use the store: others keep opening it");
    },
  };
}

function inSnapshots(keys: readonly KvKey[]): KvKey[][] {
  const size = SNAPSHOT_KEYS - 1;
  const count = Math.max(1, Math.ceil(keys.length / size));
  return Array.from({ length: count }, (_, index) => keys.slice(index * size, (index + 1) * size));
}

function deposed(): VaultError {
  return new VaultError(
    "store_failed",
    "cannot use the store: another process has opened it since; only one may",
  );
}

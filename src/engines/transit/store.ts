/**
 * Reads and changes transit keys. A key is one record, and every change of it is one commit guarded
 * by the record's revision. A writer that loses starts again from the stored key. So two writers never
 * make the same version, and two requests never create one name twice.
 *
 * Parsed keys and their imported ciphers are cached, and are used only while the record still has the
 * revision at which they were read: a stale key is never used, even if another process changed it.
 */

import type { Aead } from "../../crypto/aead_rules.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { ABSENT, type Revision } from "../../storage/store.ts";
import type { MountRecords } from "../../barrier/mount_records.ts";
import { repeatWhileLost } from "../../barrier/compare_and_set.ts";
import { decodeKey, encodeKey, policyPath, type TransitKey } from "./records.ts";
import { isRotationDue, rotateKey, withHmacKeys } from "./versions.ts";
import { KEY_TYPES } from "./key_types.ts";
import { TRANSIT_KEYS_CACHED_MAX } from "../../limits.ts";

export interface LoadedKey {
  readonly key: TransitKey;
  readonly revision: Revision;
  /** The cipher of a version; null when the key has no such version. */
  aead(version: number): Promise<Aead> | null;
}

/** What to do with a key, or with its absence. */
export type TransitChange<T> =
  | { readonly kind: "keep"; readonly result: T }
  | { readonly kind: "put"; readonly key: TransitKey; readonly result: T }
  | { readonly kind: "remove"; readonly result: T };

export class TransitStore {
  readonly storage: MountRecords;
  readonly random: RandomBytes;
  readonly #cache = new Map<string, LoadedKey>();

  constructor(storage: MountRecords, random: RandomBytes) {
    this.storage = storage;
    this.random = random;
  }

  async load(name: string): Promise<LoadedKey | null> {
    const record = await this.storage.get(policyPath(name));
    if (record === null) {
      this.#cache.delete(name);
      return null;
    }
    const cached = this.#cache.get(name);
    if (cached?.revision === record.revision) return cached;
    const loaded = loadedKey(decodeKey(record.value), record.revision);
    this.#remember(name, loaded);
    return loaded;
  }

  /** Like `load`, but first rotates the key if its `auto_rotate_period` has passed. */
  async loadRotated(name: string, nowMs: number): Promise<LoadedKey | null> {
    return await repeatWhileLost(async () => {
      const loaded = await this.load(name);
      if (loaded === null || !isRotationDue(loaded.key, nowMs)) {
        return { kind: "settled", result: loaded };
      }
      // Won or lost, the stored key counts now.
      await this.#commit(name, loaded, rotateKey(loaded.key, this.random, nowMs));
      return { kind: "lost" };
    });
  }

  /** Stores `key` under that name, unless there is one already. Answers the stored key. */
  async create(
    name: string,
    key: TransitKey,
  ): Promise<{ readonly loaded: LoadedKey; readonly isNew: boolean }> {
    let isNew = false;
    const loaded = await repeatWhileLost<LoadedKey>(async () => {
      const found = await this.load(name);
      if (found !== null) return { kind: "settled", result: found };
      isNew = await this.#commit(name, null, key);
      return { kind: "lost" };
    });
    return { loaded, isNew };
  }

  /**
   * The key with an HMAC key in each version. Keys from before HMAC was served get theirs now, and are
   * stored with them.
   */
  async completeHmacKeys(name: string, loaded: LoadedKey): Promise<LoadedKey> {
    let latest: LoadedKey = loaded;
    return await repeatWhileLost<LoadedKey>(async () => {
      const complete = withHmacKeys(latest.key, this.random);
      if (complete === null) return { kind: "settled", result: latest };
      await this.#commit(name, latest, complete);
      // Won or lost, the stored key counts now; a key deleted meanwhile is used as it was.
      latest = await this.load(name) ?? unstoredKey(complete);
      return { kind: "lost" };
    });
  }

  /**
   * Commits what `plan` decides. `plan` runs again on the stored key whenever another writer was
   * faster, and may throw to refuse. Throws `store_conflict` when other writers keep winning.
   */
  async change<T>(
    name: string,
    plan: (key: TransitKey | null) => TransitChange<T>,
  ): Promise<T> {
    return await repeatWhileLost<T>(async () => {
      const loaded = await this.load(name);
      const change = plan(loaded?.key ?? null);
      const settled = { kind: "settled", result: change.result } as const;
      if (change.kind === "keep") return settled;
      const next = change.kind === "put" ? change.key : null;
      return await this.#commit(name, loaded, next) ? settled : { kind: "lost" };
    });
  }

  async #commit(name: string, before: LoadedKey | null, key: TransitKey | null): Promise<boolean> {
    const value = key === null ? null : encodeKey(key);
    const expected = before?.revision ?? ABSENT;
    return await this.storage.commit([{ path: policyPath(name), value, expected }]);
  }

  #remember(name: string, loaded: LoadedKey): void {
    this.#cache.delete(name);
    const oldest = this.#cache.keys().next().value;
    if (oldest !== undefined && this.#cache.size >= TRANSIT_KEYS_CACHED_MAX) {
      this.#cache.delete(oldest);
    }
    this.#cache.set(name, loaded);
  }
}

/** A key that encrypts nothing and will not be stored. */
export function unstoredKey(key: TransitKey): LoadedKey {
  return loadedKey(key, ABSENT);
}

function loadedKey(key: TransitKey, revision: Revision): LoadedKey {
  const aeads = new Map<number, Promise<Aead>>();
  return {
    key,
    revision,
    aead(version) {
      const bytes = key.versions.get(version)?.bytes;
      if (bytes === undefined) return null;
      const cached = aeads.get(version);
      if (cached !== undefined) return cached;
      const imported = KEY_TYPES[key.type].importCipher(bytes);
      aeads.set(version, imported);
      // The caller that awaits it gets the failure; the next request imports again.
      imported.catch(() => aeads.delete(version));
      return imported;
    },
  };
}

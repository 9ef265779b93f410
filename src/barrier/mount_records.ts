/**
 * The records of one mount, at paths relative to it: as bytes for secrets engines, as JSON for
 * login methods. A mount can reach only its own records.
 */

import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { LIST_PAGE_PATHS, PATH_MAX_BYTES } from "../limits.ts";
import { isLongerThan } from "../storage/paths.ts";
import { ABSENT, type Revision } from "../storage/store.ts";
import type { Barrier } from "./barrier.ts";
import type { Entry } from "./change.ts";

export interface MountRecord {
  readonly value: Uint8Array;
  readonly revision: Revision;
}

export interface MountWrite {
  readonly path: string;
  /** Null removes. */
  readonly value: Uint8Array | null;
  /** Precondition: the revision read before, or ABSENT. Omit to write unconditionally. */
  readonly expected?: Revision;
}

/** Paths are relative to the mount. */
export interface MountRecords {
  get(path: string): Promise<MountRecord | null>;
  /** Whether `get` would find a record. Costs less. */
  has(path: string): Promise<boolean>;
  /** Names directly below `prefix` ("" or ending in "/"), sorted; folders have a trailing "/". */
  listChildren(prefix: string): Promise<readonly string[]>;
  /** Up to `limit` paths that begin with `prefix` and sort after `after`, sorted. */
  list(prefix: string, after: string, limit: number): Promise<readonly string[]>;
  /** All or nothing. False if a precondition failed and nothing was written. */
  commit(writes: readonly MountWrite[]): Promise<boolean>;
  /** How many writes `commit` takes. */
  readonly commitMaxWrites: number;
  /** Removes all paths that begin with `prefix`, a page per commit. Safe to repeat after a stop. */
  removeBelow(prefix: string): Promise<void>;
}

/** Sorts after every continuation of a folder's name. */
const LAST_CODE_POINT = "\u{10ffff}";

/**
 * `prefix` ends in "/". `wrapsPath` tells whether the seal wraps the record at a path of the mount.
 * `get`, `has` and `commit` throw `invalid_request` for a path that no store accepts.
 */
export function mountRecords(
  barrier: Barrier,
  prefix: string,
  wrapsPath: (path: string) => boolean,
): MountRecords {
  return {
    commitMaxWrites: barrier.limits.commitMaxWrites,

    async get(path) {
      refuseLongPath(prefix + path);
      return await barrier.get(prefix + path);
    },

    async has(path) {
      refuseLongPath(prefix + path);
      return await barrier.has(prefix + path);
    },

    async list(below, after, limit) {
      const paths = await barrier.list(prefix + below, after === "" ? "" : prefix + after, limit);
      return paths.map((path) => path.slice(prefix.length));
    },

    async listChildren(below) {
      return await listChildren(barrier, prefix + below);
    },

    async commit(writes) {
      for (const { path } of writes) refuseLongPath(prefix + path);
      const entries = writes.map(({ path, value }) => ({
        path: prefix + path,
        value,
        sealWrap: wrapsPath(path),
      }));
      const expect = writes.flatMap(({ path, expected }) =>
        expected === undefined ? [] : [{ path: prefix + path, revision: expected }]
      );
      return (await barrier.commit({ entries, expect })).kind === "committed";
    },

    async removeBelow(below) {
      await removeBelow(barrier, prefix + below);
    },
  };
}

async function listChildren(barrier: Barrier, folder: string): Promise<readonly string[]> {
  const children: string[] = [];
  for (let after = "";;) {
    const paths = await barrier.list(folder, after, LIST_PAGE_PATHS);
    for (const path of paths) {
      const name = path.slice(folder.length);
      const slash = name.indexOf("/");
      const child = slash === -1 ? name : name.slice(0, slash + 1);
      if (child !== children.at(-1)) children.push(child);
    }
    const last = children.at(-1);
    if (paths.length < LIST_PAGE_PATHS || last === undefined) return children;
    // Skips a large folder at once instead of paging through it.
    after = last.endsWith("/") ? folder + last + LAST_CODE_POINT : folder + last;
  }
}

function refuseLongPath(path: string): void {
  if (isLongerThan(path, PATH_MAX_BYTES)) {
    throw invalidRequest(`path is longer than ${PATH_MAX_BYTES} bytes`);
  }
  if (!path.isWellFormed()) throw new VaultError("invalid_request", "path is not valid UTF-8");
}

export interface JsonRecord<T> {
  readonly value: T;
  readonly revision: Revision;
}

export interface JsonWrite {
  readonly path: string;
  /** Null removes. */
  readonly value: object | null;
  /** The record read before, or null if there was none. Omit to write unconditionally. */
  readonly read?: JsonRecord<unknown> | null;
}

/** The records of one mount as JSON. */
export class JsonRecords {
  readonly prefix: string;
  readonly #barrier: Barrier;
  readonly #sealWrap: boolean;

  /** `prefix` ends in "/". With `sealWrap`, the seal wraps every record. */
  constructor(barrier: Barrier, prefix: string, sealWrap: boolean) {
    this.#barrier = barrier;
    this.prefix = prefix;
    this.#sealWrap = sealWrap;
  }

  /** Throws `unsupported_path` for a path that is too long for a store. */
  async get<T>(path: string): Promise<JsonRecord<T> | null> {
    if (isLongerThan(this.prefix + path, PATH_MAX_BYTES)) {
      throw new VaultError("unsupported_path", "unsupported path");
    }
    const record = await this.#barrier.get(this.prefix + path);
    if (record === null) return null;
    return { value: JSON.parse(decodeUtf8(record.value)) as T, revision: record.revision };
  }

  /** The paths below `below`, without it, sorted. Reads a page at a time. */
  each(below: string): AsyncGenerator<string> {
    return this.#barrier.each(this.prefix + below);
  }

  async list(below: string): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const name of this.each(below)) names.push(name);
    return names;
  }

  /**
   * All or nothing, including `others`, whose paths are absolute. False if a record was not as it
   * was read; then nothing was written.
   */
  async commit(writes: readonly JsonWrite[], others: readonly Entry[] = []): Promise<boolean> {
    const entries = writes.map(({ path, value }): Entry => ({
      path: this.prefix + path,
      value: value === null ? null : encodeUtf8(JSON.stringify(value)),
      sealWrap: this.#sealWrap,
    }));
    const expect = writes.flatMap(({ path, read }) =>
      read === undefined ? [] : [{ path: this.prefix + path, revision: read?.revision ?? ABSENT }]
    );
    const outcome = await this.#barrier.commit({ entries: [...entries, ...others], expect });
    return outcome.kind === "committed";
  }
}

/**
 * Removes every record below `prefix`, one page per commit, and those written meanwhile. Safe to
 * repeat after a stop.
 */
export async function removeBelow(barrier: Barrier, prefix: string): Promise<void> {
  const pagePaths = Math.min(LIST_PAGE_PATHS, barrier.limits.commitMaxWrites);
  for (;;) {
    const paths = await barrier.list(prefix, "", pagePaths);
    if (paths.length === 0) return;
    await barrier.commit({ entries: paths.map((path) => ({ path, value: null })) });
  }
}

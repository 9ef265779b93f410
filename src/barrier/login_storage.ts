/** What an auth method sees of the barrier: its own records as JSON, by paths relative to its mount. */

import type { Barrier, Entry } from "./barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { unsupportedPath } from "../methods/names.ts";
import { PATH_MAX_BYTES } from "../limits.ts";
import { isLongerThan } from "../storage/paths.ts";
import { ABSENT, type Revision } from "../storage/store.ts";

export interface LoginRecord<T> {
  readonly value: T;
  readonly revision: Revision;
}

export interface LoginWrite {
  readonly path: string;
  /** Null removes. */
  readonly value: object | null;
  /** The record that was read before, null for none. Left out: unconditional. */
  readonly read?: LoginRecord<unknown> | null;
}

export class LoginStorage {
  readonly prefix: string;
  readonly #barrier: Barrier;
  readonly #sealWrap: boolean;

  /** `prefix` ends in "/". */
  constructor(barrier: Barrier, prefix: string, sealWrap: boolean) {
    this.#barrier = barrier;
    this.prefix = prefix;
    this.#sealWrap = sealWrap;
  }

  async get<T>(path: string): Promise<LoginRecord<T> | null> {
    if (isLongerThan(this.prefix + path, PATH_MAX_BYTES)) throw unsupportedPath();
    const record = await this.#barrier.get(this.prefix + path);
    if (record === null) return null;
    return { value: JSON.parse(decodeUtf8(record.value)) as T, revision: record.revision };
  }

  /** What stands behind `below` in the paths there, sorted, a page at a time. */
  each(below: string): AsyncGenerator<string> {
    return this.#barrier.each(this.prefix + below);
  }

  async list(below: string): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const name of this.each(below)) names.push(name);
    return names;
  }

  /**
   * All or nothing, `others` (of whole paths) included; false when a record was not as it was read,
   * and nothing was written.
   */
  async commit(writes: readonly LoginWrite[], others: readonly Entry[] = []): Promise<boolean> {
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

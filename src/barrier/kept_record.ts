/**
 * A record whose content is kept in memory while the vault is unsealed. Every write expects the
 * revision known here, so what another process wrote is never overwritten unseen.
 */

import { VaultError } from "../errors.ts";
import { ABSENT, type Revision } from "../storage/store.ts";
import type { Barrier } from "./barrier.ts";
import type { Entry } from "./change.ts";

export class KeptRecord {
  readonly path: string;
  readonly #barrier: Barrier;
  #revision: Revision | null = null;

  constructor(barrier: Barrier, path: string) {
    this.#barrier = barrier;
    this.path = path;
  }

  /** The value, or null if there is none. Writes expect what this has read. */
  async load(): Promise<Uint8Array | null> {
    const record = await this.#barrier.get(this.path);
    this.#revision = record?.revision ?? ABSENT;
    return record?.value ?? null;
  }

  /**
   * Writes the value, and `others` in the same commit. Throws `store_conflict` if the record is not
   * as it was last loaded or written here; then nothing was written. Throws RangeError, a bug of
   * the caller, before the first `load`.
   */
  async write(value: Uint8Array, others: readonly Entry[] = []): Promise<void> {
    if (this.#revision === null) throw new RangeError(`${this.path} was never loaded`);
    const outcome = await this.#barrier.commit({
      entries: [{ path: this.path, value }, ...others],
      expect: [{ path: this.path, revision: this.#revision }],
    });
    if (outcome.kind === "conflict") {
      throw new VaultError("store_conflict", `cannot write ${this.path}: another process did`);
    }
    this.#revision = outcome.revision;
  }
}

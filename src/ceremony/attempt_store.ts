/**
 * Stores an attempt: one record behind the barrier, and the due time of its expiry beside it. Every
 * write expects the state that was read, so that of two writers one must start over.
 */

import type { Barrier } from "../barrier/barrier.ts";
import { type Change, joinChanges } from "../barrier/change.ts";
import { VaultError } from "../errors.ts";
import { encodeDueTime } from "../storage/due.ts";
import { ceremonyPath, duePath } from "../storage/record_paths.ts";
import { ABSENT, type Expectation, type Revision, type Write } from "../storage/store.ts";

export interface StoredAttempt<State> {
  readonly state: State;
  readonly expect: Expectation;
  /** Whether the record of an expired attempt still exists. */
  readonly isLeftover: boolean;
}

export interface AttemptCodec<State> {
  readonly idle: State;
  /** Null for an idle state, which has no record. */
  readonly encode: (state: State) => Uint8Array | null;
  readonly decode: (bytes: Uint8Array) => State;
  /** When the attempt ends by itself; null if idle. */
  readonly expiresAtMs: (state: State) => number | null;
}

export class AttemptStore<State> {
  readonly #name: string;
  readonly #barrier: Barrier;
  readonly #nowMs: () => number;
  readonly #codec: AttemptCodec<State>;
  readonly #expired: () => void;
  /** Revision of the record last found expired. */
  #expiredRevision: Revision = ABSENT;

  constructor(
    name: string,
    barrier: Barrier,
    nowMs: () => number,
    codec: AttemptCodec<State>,
    /** Called once for each attempt found expired. */
    expired: () => void,
  ) {
    this.#name = name;
    this.#barrier = barrier;
    this.#nowMs = nowMs;
    this.#codec = codec;
    this.#expired = expired;
  }

  /** The current attempt. An expired one reads as idle. */
  async read(): Promise<StoredAttempt<State>> {
    const { idle, decode, expiresAtMs } = this.#codec;
    const path = ceremonyPath(this.#name);
    const record = await this.#barrier.get(path);
    if (record === null) {
      return { state: idle, expect: { path, revision: ABSENT }, isLeftover: false };
    }
    const state = decode(record.value);
    const expiry = expiresAtMs(state);
    const expired = expiry !== null && this.#nowMs() >= expiry;
    if (expired && record.revision !== this.#expiredRevision) {
      this.#expiredRevision = record.revision;
      this.#expired();
    }
    const expect = { path, revision: record.revision };
    return { state: expired ? idle : state, expect, isLeftover: expired };
  }

  /**
   * Commits a state and what belongs with it, on condition that the attempt is as it was read.
   * Throws `store_conflict` if not.
   */
  async write(state: State, expect: Expectation, others: Change = {}): Promise<void> {
    const change = joinChanges(this.records(state), others, { expect: [expect] });
    const outcome = await this.#barrier.commit(change);
    if (outcome.kind === "conflict") {
      throw new VaultError("store_conflict", "the attempt was changed by another writer");
    }
  }

  /** The records of a state, for another commit. */
  records(state: State): Change {
    const expiry = this.#codec.expiresAtMs(state);
    const bytes = expiry === null ? null : encodeDueTime(expiry);
    return {
      // Wrapped, so that data keys from an older backup do not open it under the current seal key.
      entries: [{
        path: ceremonyPath(this.#name),
        value: this.#codec.encode(state),
        sealWrap: true,
      }],
      writes: [{ path: this.#duePath, bytes, sealKeyId: null }],
    };
  }

  /** Writes that end an attempt. They need no key, so sealing can make them. */
  endRecords(): readonly Write[] {
    return [ceremonyPath(this.#name), this.#duePath].map((path) => ({
      path,
      bytes: null,
      sealKeyId: null,
    }));
  }

  /** Removes what is left of an expired attempt. Returns whether there was one. */
  async expire(): Promise<boolean> {
    const { state, expect, isLeftover } = await this.read();
    if (isLeftover) await this.write(state, expect);
    return isLeftover;
  }

  get #duePath(): string {
    return duePath(`ceremony-${this.#name}`);
  }
}

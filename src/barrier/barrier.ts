/**
 * The barrier: everything above it reads and writes plaintext, everything below it is ciphertext.
 * A value is encrypted by the active term, bound to its path, and, where asked, wrapped once more by
 * the outer layer (the seal). The barrier knows no seal, no ceremony and no clock.
 */

import { AeadKey } from "../crypto/aead.ts";
import { encodeUtf8 } from "../crypto/bytes.ts";
import { hkdfSha256 } from "../crypto/digest.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { TERM_OPERATIONS_RESERVE } from "../limits.ts";
import { TERM_OPERATIONS_PATH } from "../storage/record_paths.ts";
import type {
  CommitOutcome,
  Expectation,
  Revision,
  Store,
  StoredRecord,
  Write,
} from "../storage/store.ts";
import { decryptEnvelope, encryptEnvelope, envelopeTerm } from "./envelope.ts";
import { activeTerm, type Keyring } from "./keyring.ts";
import { Latch } from "./latch.ts";

const GET_ATTEMPTS = 3;
/** Paths that `each` has in memory at once. */
const PAGE_PATHS = 256;

/** The layer around wrapped values. `unwrap` chooses the key by the id the value names. */
export interface OuterLayer {
  readonly keyId: string;
  wrap(path: string, value: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  unwrap(path: string, wrapped: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

export interface BarrierRecord {
  readonly value: Uint8Array<ArrayBuffer>;
  readonly revision: Revision;
}

export interface Entry {
  readonly path: string;
  /** Null removes. */
  readonly value: Uint8Array | null;
  readonly sealWrap?: boolean;
}

/** Entries to encrypt, and records that are already bytes, of one commit. */
export interface Change {
  readonly entries: readonly Entry[];
  readonly writes?: readonly Write[];
  readonly expect?: readonly Expectation[];
}

export interface BarrierParts {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly outer: OuterLayer;
  readonly random: RandomBytes;
  /** Encryptions of the active term that an earlier run may have made. */
  readonly operations: number;
}

export class Barrier {
  readonly #store: Store;
  readonly #random: RandomBytes;
  readonly #latch = new Latch();
  #keyring: Keyring;
  #keys = new Map<number, Promise<AeadKey>>();
  #outer: OuterLayer;
  #operations: number;
  /** End of the last block of operations that was begun, and of the one that is stored. */
  #reserved: number;
  #stored: number;

  constructor(parts: BarrierParts) {
    this.#store = parts.store;
    this.#random = parts.random;
    this.#keyring = parts.keyring;
    this.#outer = parts.outer;
    this.#operations = parts.operations;
    this.#reserved = parts.operations;
    this.#stored = parts.operations;
  }

  get keyring(): Keyring {
    return this.#keyring;
  }

  get outer(): OuterLayer {
    return this.#outer;
  }

  /** Upper bound of the encryptions made under the active term. */
  get operations(): number {
    return this.#operations;
  }

  /** A key for one purpose, derived from the keyring's hash key; the same for the vault's life. */
  deriveMacKey(purpose: string, salt?: Uint8Array): Uint8Array<ArrayBuffer> {
    return hkdfSha256(this.#keyring.macKey, salt, `sealwright ${purpose}`, 32);
  }

  /**
   * The plaintext at `path`, or null. `known`, read from there before, comes back itself as long as
   * nobody has written since; that costs no decryption. Throws `ciphertext_rejected`, `unknown_key`.
   */
  async get(path: string, known?: BarrierRecord): Promise<BarrierRecord | null> {
    for (let attempt = 1;; attempt++) {
      const record = await this.#store.get(path);
      if (record === null) return null;
      if (known !== undefined && known.revision === record.revision) return known;
      try {
        return { value: await this.#open(record), revision: record.revision };
      } catch (error) {
        // A rewrap may have moved the record and erased its old key since it was read.
        const moved = error instanceof VaultError && error.code === "unknown_key";
        if (!moved || attempt === GET_ATTEMPTS) throw error;
      }
    }
  }

  /** Whether there is a record at `path`; it is not opened. */
  async has(path: string): Promise<boolean> {
    return await this.#store.get(path) !== null;
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly string[]> {
    return await this.#store.list(prefix, after, limit);
  }

  /** Everything below `prefix`, without it, in the order of the store; read a page at a time. */
  async *each(prefix: string): AsyncGenerator<string> {
    for (let after = "";;) {
      const paths = await this.list(prefix, after, PAGE_PATHS);
      for (const path of paths) yield path.slice(prefix.length);
      after = paths.at(-1) ?? "";
      if (paths.length < PAGE_PATHS) return;
    }
  }

  /** Encrypts and commits. The latch keeps the keys in place from the first to the last step. */
  async commit(change: Change): Promise<CommitOutcome> {
    return await this.#latch.shared(() => this.commitHeld(change));
  }

  /** `commit` for who already holds the latch, in either form. */
  async commitHeld(change: Change): Promise<CommitOutcome> {
    const block = this.#reserveOperations(change.entries.length);
    const encrypted = await this.#encryptAll(change.entries, block);
    const outcome = await this.#store.commit({
      ...(change.expect === undefined ? {} : { expect: change.expect }),
      writes: [...encrypted, ...(change.writes ?? [])],
    });
    if (outcome.kind === "committed" && block !== null) this.#stored = block;
    return outcome;
  }

  /** Holds off every writer while `body` commits new keys and installs them. */
  async exclusively<T>(body: () => Promise<T>): Promise<T> {
    return await this.#latch.exclusive(body);
  }

  /** Runs a slice of a rewrap: the outer layer stays the same while it lasts. */
  async withOuter<T>(body: (outer: OuterLayer) => Promise<T>): Promise<T> {
    return await this.#latch.shared(() => body(this.#outer));
  }

  /**
   * The records of `entries`, encrypted but not stored: for the very first commit of a vault, which
   * has no other writer.
   */
  async encrypt(entries: readonly Entry[]): Promise<Write[]> {
    return await this.#encryptAll(entries, this.#reserveOperations(entries.length));
  }

  /** Takes over keys that a commit has made durable. */
  install(keys: { keyring?: Keyring; outer?: OuterLayer }): void {
    if (keys.keyring !== undefined) {
      const sameTerm = activeTerm(keys.keyring).term === activeTerm(this.#keyring).term;
      this.#keyring = keys.keyring;
      if (!sameTerm) {
        this.#operations = 0;
        this.#reserved = 0;
        this.#stored = 0;
      }
    }
    if (keys.outer !== undefined) this.#outer = keys.outer;
  }

  /**
   * The end of the block of operations that a commit has to store, because what is stored does not
   * cover it; null when it does. After a crash the count starts from the end of the stored block. As
   * long as a block is on its way, every commit carries it: any of them may be the first to land.
   */
  #reserveOperations(count: number): number | null {
    if (count === 0) return null;
    this.#operations += count;
    if (this.#operations < this.#stored) return null;
    this.#operations += 1;
    if (this.#operations >= this.#reserved) {
      this.#reserved = this.#operations + TERM_OPERATIONS_RESERVE;
    }
    return this.#reserved;
  }

  async #encryptAll(entries: readonly Entry[], block: number | null): Promise<Write[]> {
    const all = block === null ? entries : [...entries, this.#operationsEntry(block)];
    return await Promise.all(all.map((entry) => this.#encryptEntry(entry)));
  }

  #operationsEntry(operations: number): Entry {
    const json = { term: activeTerm(this.#keyring).term, operations };
    return { path: TERM_OPERATIONS_PATH, value: encodeUtf8(JSON.stringify(json)) };
  }

  async #encryptEntry(entry: Entry): Promise<Write> {
    if (entry.value === null) return { path: entry.path, bytes: null, sealKeyId: null };
    const term = activeTerm(this.#keyring).term;
    const key = await this.#key(term);
    const bytes = await encryptEnvelope(key, term, entry.path, entry.value, this.#random);
    if (entry.sealWrap !== true) return { path: entry.path, bytes, sealKeyId: null };
    const outer = this.#outer;
    return {
      path: entry.path,
      bytes: await outer.wrap(entry.path, bytes),
      sealKeyId: outer.keyId,
    };
  }

  async #open(record: StoredRecord): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = record.sealKeyId === null
      ? record.bytes
      : await this.#outer.unwrap(record.path, record.bytes);
    return await decryptEnvelope(await this.#key(envelopeTerm(bytes)), record.path, bytes);
  }

  #key(term: number): Promise<AeadKey> {
    const cached = this.#keys.get(term);
    if (cached !== undefined) return cached;
    const found = this.#keyring.terms.find((candidate) => candidate.term === term);
    if (found === undefined) {
      throw new VaultError("unknown_key", `cannot decrypt: no data key of term ${term}`);
    }
    const key = AeadKey.import(found.key);
    this.#keys.set(term, key);
    return key;
  }
}

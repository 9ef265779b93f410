/**
 * The barrier: everything above it reads and writes plaintext, everything below it is ciphertext.
 * A value is encrypted by the active term, bound to its path, and, where asked, wrapped once more by
 * the outer layer (the seal). The barrier knows no seal, no ceremony and no clock.
 */

import { AeadKey } from "../crypto/aead.ts";
import { hkdfSha256 } from "../crypto/digest.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { BARRIER_READS_MAX, KEY_BYTES } from "../limits.ts";
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
import { termOperationsWrite } from "./term_operations.ts";
import { eachPage } from "./pages.ts";

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

/** What encrypts and wraps. A commit may bring the next ones, and is encrypted under them itself. */
export interface BarrierKeys {
  readonly keyring: Keyring;
  readonly outer: OuterLayer;
}

export interface BarrierParts extends BarrierKeys {
  readonly store: Store;
  readonly random: RandomBytes;
  /** Encryptions that earlier runs made under the active term. */
  readonly operations: number;
}

/** Data keys by term, as Web Crypto has them. A term never changes its key. */
type ImportedKeys = Map<number, Promise<AeadKey>>;

export class Barrier {
  readonly #store: Store;
  readonly #random: RandomBytes;
  readonly #latch = new Latch();
  /** Null once it is closed. */
  #keys: BarrierKeys | null;
  #imported: ImportedKeys = new Map();
  #operations: number;
  /** The commit of new keys that is under way: what it writes cannot be read before it ends. */
  #keyChange: Promise<unknown> | null = null;

  constructor(parts: BarrierParts) {
    this.#store = parts.store;
    this.#random = parts.random;
    this.#keys = { keyring: parts.keyring, outer: parts.outer };
    this.#operations = parts.operations;
  }

  get keyring(): Keyring {
    return this.#inForce().keyring;
  }

  get outer(): OuterLayer {
    return this.#inForce().outer;
  }

  /** Encryptions made under the active term. */
  get operations(): number {
    return this.#operations;
  }

  /** A key for one purpose, derived from the keyring's hash key; the same for the vault's life. */
  deriveMacKey(purpose: string, salt?: Uint8Array): Uint8Array<ArrayBuffer> {
    return hkdfSha256(this.keyring.macKey, salt, `sealwright ${purpose}`, KEY_BYTES);
  }

  /** A key for one purpose that ends with the credential key: whenever the root key is replaced. */
  deriveCredentialKey(purpose: string, salt: Uint8Array): Uint8Array<ArrayBuffer> {
    return hkdfSha256(this.keyring.credentialKey, salt, `sealwright ${purpose}`, KEY_BYTES);
  }

  /**
   * The plaintext at `path`, or null. `known`, read from there before, comes back itself as long as
   * nobody has written since; that costs no decryption. Throws `ciphertext_rejected`, `unknown_key`.
   */
  async get(path: string, known?: BarrierRecord): Promise<BarrierRecord | null> {
    for (let attempt = 1;; attempt++) {
      const record = await this.#store.get(path);
      this.#inForce();
      if (record === null) return null;
      if (known !== undefined && known.revision === record.revision) return known;
      try {
        const value = await this.#open(record);
        this.#inForce();
        return { value, revision: record.revision };
      } catch (error) {
        // A rewrap may have moved the record and erased its old key since it was read, or the
        // record was written by a change of keys that has not returned yet.
        const moved = error instanceof VaultError && error.code === "unknown_key";
        if (!moved || attempt === BARRIER_READS_MAX) throw error;
        await this.#keyChange;
      }
    }
  }

  /** Whether there is a record at `path`; it is not opened. */
  async has(path: string): Promise<boolean> {
    this.#inForce();
    return await this.#store.get(path) !== null;
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly string[]> {
    this.#inForce();
    return await this.#store.list(prefix, after, limit);
  }

  /** Everything below `prefix`, without it, in the order of the store; read a page at a time. */
  async *each(prefix: string): AsyncGenerator<string> {
    for await (const paths of eachPage((after, limit) => this.list(prefix, after, limit))) {
      for (const path of paths) yield path.slice(prefix.length);
    }
  }

  /** Encrypts and commits. The latch keeps the keys in place from the first to the last step. */
  async commit(change: Change): Promise<CommitOutcome> {
    return await this.#latch.shared(() => this.commitHeld(change));
  }

  /**
   * Like `commit`, for callers that already hold the latch. With `next`, which needs the exclusive
   * latch, the entries are encrypted under these keys, and they are in force once it has committed.
   */
  async commitHeld(change: Change, next?: BarrierKeys): Promise<CommitOutcome> {
    const keys = this.#inForce();
    if (next === undefined) return await this.#commitUnder(keys, this.#imported, change);
    const committing = this.#commitNext(next, change);
    this.#keyChange = committing.catch(() => {});
    try {
      return await committing;
    } finally {
      this.#keyChange = null;
    }
  }

  async #commitNext(next: BarrierKeys, change: Change): Promise<CommitOutcome> {
    // Not the cache of the keys in force: should the commit fail, its term never was.
    const outcome = await this.#commitUnder(next, new Map(), change);
    if (outcome.kind === "conflict") return outcome;
    const isNewTerm = !this.#isActiveTerm(next.keyring);
    this.install(next);
    if (isNewTerm) this.#operations = encryptionsOf(change.entries);
    return outcome;
  }

  async #commitUnder(
    keys: BarrierKeys,
    imported: ImportedKeys,
    change: Change,
  ): Promise<CommitOutcome> {
    const count = encryptionsOf(change.entries);
    const isActiveTerm = this.#isActiveTerm(keys.keyring);
    if (isActiveTerm) this.#operations += count;
    const writes = await this.#encryptAll(keys, imported, change.entries);
    writes.push(...change.writes ?? []);
    if (count > 0) {
      // Read last: commits reach the store in this order, so the count stored never goes back.
      const operations = isActiveTerm ? this.#operations : count;
      writes.push(termOperationsWrite(activeTerm(keys.keyring).term, operations));
    }
    this.#inForce();
    const expect = change.expect === undefined ? {} : { expect: change.expect };
    return await this.#store.commit({ ...expect, writes });
  }

  /** Holds off every writer while `body` commits new keys and installs them. */
  async exclusively<T>(body: () => Promise<T>): Promise<T> {
    return await this.#latch.exclusive(body);
  }

  /** Runs a slice of a rewrap: the outer layer stays the same while it lasts. */
  async withOuter<T>(body: (outer: OuterLayer) => Promise<T>): Promise<T> {
    return await this.#latch.shared(() => body(this.outer));
  }

  /**
   * The records of `entries`, encrypted but not stored: for the very first commit of a vault, which
   * has no other writer.
   */
  async encrypt(entries: readonly Entry[]): Promise<Write[]> {
    this.#operations += encryptionsOf(entries);
    const writes = await this.#encryptAll(this.#inForce(), this.#imported, entries);
    return [...writes, termOperationsWrite(activeTerm(this.keyring).term, this.#operations)];
  }

  /** Takes over keys that are durable already, or that only the outer layer changes. */
  install(keys: Partial<BarrierKeys>): void {
    const { keyring = this.keyring, outer = this.outer } = keys;
    if (!this.#isActiveTerm(keyring)) this.#operations = 0;
    this.#keys = { keyring, outer };
  }

  /**
   * Forgets the keys, for good: every call throws `sealed` from then on, also one of a request that
   * began before. To be called under the exclusive latch, which lets commits under way end.
   */
  close(): void {
    this.#keys = null;
    this.#imported = new Map();
  }

  #inForce(): BarrierKeys {
    if (this.#keys === null) throw new VaultError("sealed", "Vault is sealed");
    return this.#keys;
  }

  #isActiveTerm(keyring: Keyring): boolean {
    return activeTerm(keyring).term === activeTerm(this.keyring).term;
  }

  async #encryptAll(
    keys: BarrierKeys,
    imported: ImportedKeys,
    entries: readonly Entry[],
  ): Promise<Write[]> {
    return await Promise.all(entries.map((entry) => this.#encryptEntry(keys, imported, entry)));
  }

  async #encryptEntry(
    { keyring, outer }: BarrierKeys,
    imported: ImportedKeys,
    { path, value, sealWrap }: Entry,
  ): Promise<Write> {
    if (value === null) return { path, bytes: null, sealKeyId: null };
    const { term } = activeTerm(keyring);
    const key = await importedKey(keyring, imported, term);
    const bytes = await encryptEnvelope(key, term, path, value, this.#random);
    if (sealWrap !== true) return { path, bytes, sealKeyId: null };
    return { path, bytes: await outer.wrap(path, bytes), sealKeyId: outer.keyId };
  }

  async #open(record: StoredRecord): Promise<Uint8Array<ArrayBuffer>> {
    const { keyring, outer } = this.#inForce();
    const bytes = record.sealKeyId === null
      ? record.bytes
      : await outer.unwrap(record.path, record.bytes);
    const key = await importedKey(keyring, this.#imported, envelopeTerm(bytes));
    return await decryptEnvelope(key, record.path, bytes);
  }
}

/** A removal encrypts nothing. */
function encryptionsOf(entries: readonly Entry[]): number {
  return entries.filter(({ value }) => value !== null).length;
}

function importedKey(
  keyring: Keyring,
  imported: ImportedKeys,
  term: number,
): Promise<AeadKey> {
  const cached = imported.get(term);
  if (cached !== undefined) return cached;
  const found = keyring.terms.find((candidate) => candidate.term === term);
  if (found === undefined) {
    throw new VaultError("unknown_key", `cannot decrypt: no data key of term ${term}`);
  }
  const key = AeadKey.import(found.key);
  imported.set(term, key);
  return key;
}

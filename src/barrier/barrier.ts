/**
 * The barrier: code above it reads and writes plaintext, and the store below it holds ciphertext. A
 * value is encrypted under the active term, bound to its path and, on request, wrapped once more by
 * the outer layer (the seal). The barrier knows no seal, no ceremony and no clock.
 */

import { AeadKey } from "../crypto/aead.ts";
import { hkdfSha256 } from "../crypto/digest.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { BARRIER_READS_MAX, KEY_BYTES } from "../limits.ts";
import type {
  CommitOutcome,
  Revision,
  Store,
  StoredRecord,
  StoreLimits,
  Write,
} from "../storage/store.ts";
import { decryptEnvelope, encryptEnvelope, envelopeTerm } from "./envelope.ts";
import { activeTerm, type Keyring } from "./keyring.ts";
import { Latch } from "./latch.ts";
import { termOperationsWrite } from "./term_operations.ts";
import { eachPage } from "./pages.ts";
import type { Change, Entry } from "./change.ts";

/** The layer around wrapped values. `unwrap` chooses the key by the id in the value. */
export interface OuterLayer {
  readonly keyId: string;
  wrap(path: string, value: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  unwrap(path: string, wrapped: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
}

export interface BarrierRecord {
  readonly value: Uint8Array<ArrayBuffer>;
  readonly revision: Revision;
}

/** The keys that encrypt and wrap. A commit that replaces them is encrypted under the new ones. */
export interface BarrierKeys {
  readonly keyring: Keyring;
  readonly outer: OuterLayer;
}

export interface BarrierParts extends BarrierKeys {
  readonly store: Store;
  readonly random: RandomBytes;
  /** Encryptions under the active term by earlier processes. */
  readonly operations: number;
}

/** The count of encryptions, which goes with every commit. */
const OWN_WRITES = 1;

/** Imported data keys by term. A term never changes its key. */
type ImportedKeys = Map<number, Promise<AeadKey>>;

export class Barrier {
  readonly #store: Store;
  readonly #random: RandomBytes;
  readonly #latch = new Latch();
  /** Null once closed. */
  #keys: BarrierKeys | null;
  #imported: ImportedKeys = new Map();
  #operations: number;
  /** The commit of new keys in progress. What it writes cannot be read before it ends. */
  #keyChange: Promise<unknown> | null = null;

  constructor(parts: BarrierParts) {
    this.#store = parts.store;
    this.#random = parts.random;
    this.#keys = { keyring: parts.keyring, outer: parts.outer };
    this.#operations = parts.operations;
  }

  /** What one `commit` takes. */
  get limits(): StoreLimits {
    const { limits } = this.#store;
    return { ...limits, commitMaxWrites: limits.commitMaxWrites - OWN_WRITES };
  }

  get keyring(): Keyring {
    return this.#inForce().keyring;
  }

  get outer(): OuterLayer {
    return this.#inForce().outer;
  }

  /** Encryptions under the active term. */
  get operations(): number {
    return this.#operations;
  }

  /** A key for one purpose, derived from the keyring's hash key. It never changes. */
  deriveMacKey(purpose: string, salt?: Uint8Array): Uint8Array<ArrayBuffer> {
    return hkdfSha256(this.keyring.macKey, salt, `sealwright ${purpose}`, KEY_BYTES);
  }

  /** A key for one purpose, derived from the credential key. It changes with the root key. */
  deriveCredentialKey(purpose: string, salt: Uint8Array): Uint8Array<ArrayBuffer> {
    return hkdfSha256(this.keyring.credentialKey, salt, `sealwright ${purpose}`, KEY_BYTES);
  }

  /**
   * The plaintext at `path`, or null. Returns `known`, an earlier result for this path, without
   * decrypting if the record is unchanged. Throws `ciphertext_rejected` or `unknown_key`.
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
        // Since the read, a rewrap may have moved the record and erased its old key. Or a change of
        // keys wrote the record and has not returned yet.
        const moved = error instanceof VaultError && error.code === "unknown_key";
        if (!moved || attempt === BARRIER_READS_MAX) throw error;
        await this.#keyChange;
      }
    }
  }

  /** Whether a record exists at `path`. Does not decrypt it. */
  async has(path: string): Promise<boolean> {
    this.#inForce();
    return await this.#store.get(path) !== null;
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly string[]> {
    this.#inForce();
    return await this.#store.list(prefix, after, limit);
  }

  /** All paths below `prefix`, without it, in the store's order. Reads a page at a time. */
  async *each(prefix: string): AsyncGenerator<string> {
    for await (const paths of eachPage((after, limit) => this.list(prefix, after, limit))) {
      for (const path of paths) yield path.slice(prefix.length);
    }
  }

  /** Encrypts and commits. The latch keeps the keys in place until the commit is done. */
  async commit(change: Change): Promise<CommitOutcome> {
    return await this.#latch.shared(() => this.commitHeld(change));
  }

  /**
   * Like `commit`, for callers that already hold the latch. With `next`, which needs the exclusive
   * latch, the entries are encrypted under these keys, which are in force after the commit.
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
    // A separate cache: if the commit fails, its new term never existed.
    const outcome = await this.#commitUnder(next, new Map(), change);
    if (outcome.kind === "conflict") return outcome;
    const isNewTerm = !this.#isActiveTerm(next.keyring);
    this.install(next);
    if (isNewTerm) this.#operations = encryptionsOf(change.entries ?? []);
    return outcome;
  }

  async #commitUnder(
    keys: BarrierKeys,
    imported: ImportedKeys,
    change: Change,
  ): Promise<CommitOutcome> {
    const count = encryptionsOf(change.entries ?? []);
    const isActiveTerm = this.#isActiveTerm(keys.keyring);
    if (isActiveTerm) this.#operations += count;
    const writes = await this.#encryptAll(keys, imported, change.entries ?? []);
    writes.push(...change.writes ?? []);
    if (count > 0) {
      // Read last: commits reach the store in this order, so the stored count never decreases.
      const operations = isActiveTerm ? this.#operations : count;
      writes.push(termOperationsWrite(activeTerm(keys.keyring).term, operations));
    }
    this.#inForce();
    const expect = change.expect === undefined ? {} : { expect: change.expect };
    return await this.#store.commit({ ...expect, writes });
  }

  /** Keeps every writer out while `body` commits new keys and installs them. */
  async exclusively<T>(body: () => Promise<T>): Promise<T> {
    return await this.#latch.exclusive(body);
  }

  /** Runs a slice of a rewrap. The outer layer does not change during `body`. */
  async withOuter<T>(body: (outer: OuterLayer) => Promise<T>): Promise<T> {
    return await this.#latch.shared(() => body(this.outer));
  }

  /** Encrypts `entries` without storing them, for a vault's first commit, without other writers. */
  async encrypt(entries: readonly Entry[]): Promise<Write[]> {
    this.#operations += encryptionsOf(entries);
    const writes = await this.#encryptAll(this.#inForce(), this.#imported, entries);
    return [...writes, termOperationsWrite(activeTerm(this.keyring).term, this.#operations)];
  }

  /** Takes over keys that are already durable, or a new outer layer. */
  install(keys: Partial<BarrierKeys>): void {
    const { keyring = this.keyring, outer = this.outer } = keys;
    if (!this.#isActiveTerm(keyring)) this.#operations = 0;
    this.#keys = { keyring, outer };
  }

  /**
   * Forgets the keys for good. Every later call throws `sealed`, even in a request that began
   * before. Must be called under the exclusive latch, so that commits in progress end first.
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

/** Removals encrypt nothing. */
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

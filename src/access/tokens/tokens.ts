/**
 * The token store. Only the holder of a token knows its id: the record is named by a keyed hash of
 * it. Indexes find tokens by accessor, by parent and by expiry. Each change of a token writes its
 * record and its index entries in one commit.
 */

import type { Barrier, BarrierRecord } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { randomBase62, type RandomBytes, randomUuid } from "../../crypto/random.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { TOKEN_MAX_CHARS, TOKENS_CACHED_MAX } from "../../limits.ts";
import {
  TOKEN_ACCESSOR_PREFIX,
  TOKEN_EXPIRY_PREFIX,
  TOKEN_PREFIX,
} from "../../storage/record_paths.ts";
import { ABSENT, type Expectation } from "../../storage/store.ts";
import { BATCH_TOKEN_PREFIX, BatchTokens } from "./batch_tokens.ts";
import {
  decodeToken,
  encodeToken,
  newToken,
  SPENT_USES,
  type StoredToken,
  type Token,
  type TokenTemplate,
} from "./token.ts";
import { TokenIndex } from "./token_index.ts";
import { TokenChanges } from "./token_changes.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";
import { parseTimedPath } from "../../storage/timed_path.ts";

export const SERVICE_TOKEN_PREFIX = "s.";

const RANDOM_CHARACTERS = 24;

export interface IssuedToken extends StoredToken {
  /** Shown once. */
  readonly id: string;
  readonly entries: readonly Entry[];
}

export interface TokenPorts {
  readonly barrier: Barrier;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  /** The longest lease that any mount grants. */
  readonly maxLeaseSeconds: () => number;
  /** A token now expires, so the alarm must be set again. */
  readonly dueChanged: () => void;
}

export class TokenStore {
  readonly #ports: TokenPorts;
  readonly #index: TokenIndex;
  /** Decoded tokens and their records, by hash. Used only while the record is unchanged. */
  readonly #recent = new Map<string, { readonly record: BarrierRecord; readonly token: Token }>();
  readonly #batch: BatchTokens;
  readonly #changes: TokenChanges;

  constructor(ports: TokenPorts) {
    this.#ports = ports;
    this.#index = new TokenIndex(ports.barrier);
    this.#changes = new TokenChanges(ports.barrier, this.#index);
    this.#batch = new BatchTokens({
      deriveKey: (salt) => ports.barrier.deriveCredentialKey("batch token", salt),
      random: ports.random,
      nowMs: ports.nowMs,
      maxLeaseSeconds: ports.maxLeaseSeconds,
    });
  }

  /** Makes a service token and the entries that store it, which the caller must commit. */
  issue(template: TokenTemplate, customId?: string): IssuedToken {
    const { random } = this.#ports;
    const expiresAtMs = template.expiresAtMs === null ? null : Math.floor(template.expiresAtMs);
    const id = customId ?? SERVICE_TOKEN_PREFIX + randomBase62(random, RANDOM_CHARACTERS);
    const accessor = randomBase62(random, RANDOM_CHARACTERS);
    const token = newToken({ ...template, expiresAtMs }, accessor, randomUuid(random));
    const hash = this.#index.hash(id);
    const entries = this.#index.paths(hash, token).map((path, index) => ({
      path,
      value: index === 0 ? encodeToken(token) : encodeUtf8(hash),
    }));
    return { id, hash, token, entries };
  }

  /**
   * Stores a new token, on condition that its parent still exists. Throws `invalid_request` for a
   * custom id that is taken, and `unauthenticated` if the parent was revoked meanwhile.
   */
  async create(template: TokenTemplate, customId?: string): Promise<IssuedToken> {
    if (template.type === "batch") return await this.#createBatch(template);
    const issued = this.issue(template, customId);
    const path = TOKEN_PREFIX + issued.hash;
    const absent = { path, revision: ABSENT };
    return await repeatWhileLost<IssuedToken>(async () => {
      const parent = await this.#parentExpectation(template);
      const expect = [absent, ...parent];
      const outcome = await this.#ports.barrier.commit({ entries: issued.entries, expect });
      if (outcome.kind === "committed") {
        this.announceExpiry(issued);
        return settled(issued);
      }
      if (outcome.path === path) throw invalidRequest("cannot create a token with a duplicate ID");
      return LOST;
    });
  }

  /** Call this once the entries of an issued token are committed. */
  announceExpiry({ token }: IssuedToken): void {
    if (token.expiresAtMs !== null) this.#ports.dueChanged();
  }

  /** The valid token with this id; null if it is unknown, spent or expired. */
  async find(id: string): Promise<StoredToken | null> {
    if (id === "" || id.length > TOKEN_MAX_CHARS) return null;
    const hash = this.#index.hash(id);
    return id.startsWith(BATCH_TOKEN_PREFIX)
      ? await this.#findBatch(id, hash)
      : await this.#findByHash(hash);
  }

  async findByAccessor(accessor: string): Promise<StoredToken | null> {
    const record = await this.#ports.barrier.get(this.#index.accessorPath(accessor));
    return record === null ? null : await this.#findByHash(decodeUtf8(record.value));
  }

  /** The valid token whose record has this name. */
  async findByHash(hash: string): Promise<StoredToken | null> {
    return await this.#findByHash(hash);
  }

  /** All tokens, in no particular order. Those created or removed meanwhile may be missing. */
  async *each(): AsyncGenerator<StoredToken> {
    for await (const hash of this.#index.hashesBelow(TOKEN_ACCESSOR_PREFIX)) {
      const stored = await this.#findByHash(hash);
      if (stored !== null) yield stored;
    }
  }

  /** Accessors of all tokens, in no particular order. */
  async accessors(): Promise<readonly string[]> {
    const accessors: string[] = [];
    for await (const { token } of this.each()) accessors.push(token.accessor);
    return accessors;
  }

  /**
   * Counts one use and returns the token afterwards. With `SPENT_USES` left it serves this request
   * only, and must then be revoked. Null if no use was left.
   */
  async use(stored: StoredToken): Promise<StoredToken | null> {
    if (stored.token.uses === 0) return stored;
    const token = await this.#changes.change(stored.hash, (token) => {
      if (token.uses === SPENT_USES) return null;
      return { ...token, uses: token.uses === 1 ? SPENT_USES : token.uses - 1 };
    });
    return token === null ? null : { hash: stored.hash, token };
  }

  /**
   * Extends a token to `ttlSeconds` from now. Null if it was revoked meanwhile, which renewal does
   * not undo.
   */
  async renew(stored: StoredToken, ttlSeconds: number): Promise<Token | null> {
    const lastRenewalMs = this.#ports.nowMs();
    const expiresAtMs = Math.floor(lastRenewalMs + ttlSeconds * 1000);
    const renewed = await this.#changes.change(
      stored.hash,
      (token) => ({ ...token, expiresAtMs, lastRenewalMs, grantedTtlSeconds: ttlSeconds }),
    );
    if (renewed !== null) this.#ports.dueChanged();
    return renewed;
  }

  /**
   * Removes a token and its descendants. First all are spent, parents before children, so that none
   * gets another child meanwhile. Then they are removed, deepest first, so that an interruption
   * leaves no child without its parent. Returns the private scopes to clear.
   */
  async revoke(stored: StoredToken): Promise<readonly string[]> {
    return await this.#revokeWith(stored, async () => {
      const tree = [stored.hash];
      for (let level = await this.#index.childrenOfAll(tree); level.length > 0;) {
        await this.#changes.spend(level);
        tree.push(...level);
        level = await this.#index.childrenOfAll(level);
      }
      return await this.#changes.remove(tree.toReversed());
    });
  }

  /** Removes a token and makes its children orphans. Returns the private scopes to clear. */
  async revokeOrphaning(stored: StoredToken): Promise<readonly string[]> {
    return await this.#revokeWith(stored, async () => {
      for await (const hash of this.#index.childrenOf(stored.hash)) {
        await this.#changes.change(hash, (token) => ({ ...token, parent: null, orphan: true }));
      }
      return await this.#changes.remove([stored.hash]);
    });
  }

  /** The entries that remove a token and any wrapped reply it holds. */
  removal(stored: StoredToken): readonly Entry[] {
    return this.#changes.removal(stored);
  }

  /** Up to `limit` expired tokens, oldest first. */
  async expired(limit: number): Promise<readonly StoredToken[]> {
    const tokens: StoredToken[] = [];
    const stale: Entry[] = [];
    const { barrier } = this.#ports;
    const page = Math.min(limit, barrier.limits.commitMaxWrites);
    for (const path of await barrier.list(TOKEN_EXPIRY_PREFIX, "", page)) {
      const { atMs, rest: hash } = parseTimedPath(TOKEN_EXPIRY_PREFIX, path);
      if (atMs > this.#ports.nowMs()) break;
      const record = await barrier.get(TOKEN_PREFIX + hash);
      const token = record === null ? null : decodeToken(record.value);
      if (token?.expiresAtMs === atMs) tokens.push({ hash, token });
      else stale.push({ path, value: null });
    }
    // A stale row would otherwise stay first forever and hide those behind it.
    if (stale.length > 0) await barrier.commit({ entries: stale });
    return tokens;
  }

  /** When the next token expires; null if none will. */
  async nextExpiryAtMs(): Promise<number | null> {
    const [path] = await this.#ports.barrier.list(TOKEN_EXPIRY_PREFIX, "", 1);
    return path === undefined ? null : parseTimedPath(TOKEN_EXPIRY_PREFIX, path).atMs;
  }

  async #findByHash(hash: string): Promise<StoredToken | null> {
    const recent = this.#recent.get(hash);
    const record = await this.#ports.barrier.get(TOKEN_PREFIX + hash, recent?.record);
    if (record === null) {
      this.#recent.delete(hash);
      return null;
    }
    const token = record === recent?.record ? recent.token : this.#remember(hash, record);
    return this.#isOver(token) ? null : { hash, token };
  }

  #remember(hash: string, record: BarrierRecord): Token {
    const token = decodeToken(record.value);
    if (this.#recent.size >= TOKENS_CACHED_MAX) this.#recent.clear();
    this.#recent.set(hash, { record, token });
    return token;
  }

  async #createBatch(template: TokenTemplate): Promise<IssuedToken> {
    const token = newToken(template, "", randomUuid(this.#ports.random));
    const id = await this.#batch.issue(token);
    if (id.length > TOKEN_MAX_CHARS) {
      throw invalidRequest(`batch token would be longer than ${TOKEN_MAX_CHARS} characters`);
    }
    return { id, hash: this.#index.hash(id), token, entries: [] };
  }

  async #findBatch(id: string, hash: string): Promise<StoredToken | null> {
    const token = await this.#batch.read(id);
    if (token === null || this.#isOver(token)) return null;
    if (token.parent !== null && await this.#findByHash(token.parent) === null) return null;
    return { hash, token };
  }

  async #parentExpectation(template: TokenTemplate): Promise<readonly Expectation[]> {
    if (template.parent === null) return [];
    const path = TOKEN_PREFIX + template.parent;
    const record = await this.#ports.barrier.get(path);
    if (record === null || this.#isOver(decodeToken(record.value))) {
      throw new VaultError("unauthenticated", "permission denied");
    }
    return [{ path, revision: record.revision }];
  }

  /**
   * Spends and expires the token before `work` revokes it. If `work` is interrupted, the alarm
   * finds the token and finishes.
   */
  async #revokeWith(
    stored: StoredToken,
    work: () => Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    const nowMs = Math.floor(this.#ports.nowMs());
    try {
      await this.#changes.change(stored.hash, (token) => {
        const expiresAtMs = Math.min(token.expiresAtMs ?? nowMs, nowMs);
        return { ...token, uses: SPENT_USES, expiresAtMs };
      });
      return await work();
    } catch (error) {
      this.#ports.dueChanged();
      throw error;
    }
  }

  #isOver(token: Token): boolean {
    if (token.uses === SPENT_USES) return true;
    return token.expiresAtMs !== null && this.#ports.nowMs() >= token.expiresAtMs;
  }
}

/**
 * The token store. A token's id is known only to its holder: storage has a keyed hash of it, as name
 * of the record. Indexes beside it find tokens by accessor, by parent and by expiry; each change of
 * a token writes its record and its indexes in one commit.
 */

import type { Barrier, BarrierRecord, Entry } from "../../barrier/barrier.ts";
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
import { parseExpiryPath, TokenIndex } from "./token_index.ts";
import { TokenChanges } from "./token_changes.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";

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
  /** A token got a time to expire at: the alarm must be set anew. */
  readonly dueChanged: () => void;
}

export class TokenStore {
  readonly #ports: TokenPorts;
  readonly #index: TokenIndex;
  /** By hash, with the record they were decoded from: a token counts only at that revision. */
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

  /** Makes a service token and the entries that store it; committing them is the caller's. */
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
   * Stores a new token, on condition that its parent still lives. Throws `invalid_request` for a
   * custom id that is taken, `unauthenticated` when the parent was revoked meanwhile.
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

  /** To be called once the entries of an issued token are committed. */
  announceExpiry({ token }: IssuedToken): void {
    if (token.expiresAtMs !== null) this.#ports.dueChanged();
  }

  /** The valid token with this id; null when it is unknown, spent or expired. */
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

  /** The token whose record has this name. */
  async findByHash(hash: string): Promise<StoredToken | null> {
    return await this.#findByHash(hash);
  }

  /** All tokens, in no particular order; those that come or go meanwhile may be left out. */
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
   * Counts one use, and returns the token as it is afterwards. With `SPENT_USES` left it answers this
   * request and no other, and must be revoked then. Null: it had no use left.
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
   * Gives a token so many seconds from now on. Null when it was revoked meanwhile: it does not come
   * back.
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
   * Removes a token and its descendants. All are spent first, parents before their children, so that
   * none gets another child meanwhile; then they are removed, deepest first, so that a stop in
   * between leaves no child without its parent. Returns the private scopes to be cleared.
   */
  async revoke(stored: StoredToken): Promise<readonly string[]> {
    return await this.#whole(stored, async () => {
      const tree = [stored.hash];
      for (let level = await this.#index.childrenOfAll(tree); level.length > 0;) {
        await this.#changes.spend(level);
        tree.push(...level);
        level = await this.#index.childrenOfAll(level);
      }
      return await this.#changes.remove(tree.toReversed());
    });
  }

  /** Removes a token; its children become orphans. */
  async revokeOrphaning(stored: StoredToken): Promise<readonly string[]> {
    return await this.#whole(stored, async () => {
      for await (const hash of this.#index.childrenOf(stored.hash)) {
        await this.#changes.change(hash, (token) => ({ ...token, parent: null, orphan: true }));
      }
      return await this.#changes.remove([stored.hash]);
    });
  }

  /** The entries that remove one token, and the reply that it holds. */
  removal(stored: StoredToken): readonly Entry[] {
    return this.#changes.removal(stored);
  }

  /** Up to `limit` tokens whose time is over, the oldest first. */
  async expired(limit: number): Promise<readonly StoredToken[]> {
    const tokens: StoredToken[] = [];
    const stale: Entry[] = [];
    for (const path of await this.#ports.barrier.list(TOKEN_EXPIRY_PREFIX, "", limit)) {
      const { atMs, hash } = parseExpiryPath(path);
      if (atMs > this.#ports.nowMs()) break;
      const record = await this.#ports.barrier.get(TOKEN_PREFIX + hash);
      const token = record === null ? null : decodeToken(record.value);
      if (token?.expiresAtMs === atMs) tokens.push({ hash, token });
      else stale.push({ path, value: null });
    }
    // Left where it is, a row of no token would be the first one for ever and hide those behind it.
    if (stale.length > 0) await this.#ports.barrier.commit({ entries: stale });
    return tokens;
  }

  /** When the next token expires; null when none does. */
  async nextExpiryAtMs(): Promise<number | null> {
    const [path] = await this.#ports.barrier.list(TOKEN_EXPIRY_PREFIX, "", 1);
    return path === undefined ? null : parseExpiryPath(path).atMs;
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
   * Revokes by `work`. The token is spent and its time is over from the beginning: should the work
   * stop half way, the alarm finds the token and does the rest.
   */
  async #whole(
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

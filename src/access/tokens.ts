/**
 * Service tokens. A token's id is known only to its holder: storage has a keyed hash of it, as name
 * of the record. Children are found through an index, so revoking a parent revokes its tree.
 */

import type { Barrier, Entry } from "../barrier/barrier.ts";
import { decodeUtf8, encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { hmacSha256 } from "../crypto/digest.ts";
import { randomBase62, type RandomBytes, randomUuid } from "../crypto/random.ts";
import {
  TOKEN_ACCESSOR_PREFIX,
  TOKEN_PARENT_PREFIX,
  TOKEN_PREFIX,
} from "../storage/record_paths.ts";

const TOKEN_ID_PREFIX = "s.";
const RANDOM_CHARACTERS = 24;
const PAGE = 256;
const TOKEN_TEXT_MAX = 512;

export interface Token {
  readonly accessor: string;
  /** Sorted, lower case. */
  readonly policies: readonly string[];
  /** The path that created it. */
  readonly path: string;
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>> | null;
  /** Uses left; 0: unlimited. */
  readonly uses: number;
  readonly createdAtMs: number;
  /** Null: never expires. */
  readonly expiresAtMs: number | null;
  readonly creationTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  /** 0: not periodic. */
  readonly periodSeconds: number;
  readonly renewable: boolean;
  readonly lastRenewalMs: number | null;
  readonly orphan: boolean;
  /** Hash of the parent's id; null for orphans and root tokens. */
  readonly parent: string | null;
  /** Random name of its private storage. */
  readonly scope: string;
}

/** A token as it was found: with the hash that names its record. */
export interface StoredToken {
  readonly hash: string;
  readonly token: Token;
}

/** What a new token does not make up itself. */
export type TokenTemplate = Omit<Token, "accessor" | "scope" | "lastRenewalMs">;

export interface IssuedToken extends StoredToken {
  /** Shown once. */
  readonly id: string;
  readonly entries: readonly Entry[];
}

export class TokenStore {
  readonly #barrier: Barrier;
  readonly #random: RandomBytes;
  readonly #nowMs: () => number;
  readonly #hashKey: Uint8Array;

  constructor(barrier: Barrier, random: RandomBytes, nowMs: () => number) {
    this.#barrier = barrier;
    this.#random = random;
    this.#nowMs = nowMs;
    this.#hashKey = barrier.deriveMacKey("token hash");
  }

  /** Makes a token and the entries that store it; committing them is the caller's. */
  issue(template: TokenTemplate): IssuedToken {
    const id = `${TOKEN_ID_PREFIX}${randomBase62(this.#random, RANDOM_CHARACTERS)}`;
    const token: Token = {
      ...template,
      accessor: randomBase62(this.#random, RANDOM_CHARACTERS),
      scope: randomUuid(this.#random),
      lastRenewalMs: null,
    };
    const hash = this.#hash(id);
    const entries: Entry[] = [
      { path: TOKEN_PREFIX + hash, value: encodeToken(token) },
      { path: this.#accessorPath(token.accessor), value: encodeUtf8(hash) },
    ];
    if (token.parent !== null) {
      entries.push({ path: childPath(token.parent, hash), value: encodeUtf8(hash) });
    }
    return { id, hash, token, entries };
  }

  async create(template: TokenTemplate): Promise<IssuedToken> {
    const issued = this.issue(template);
    await this.#barrier.commit({ entries: issued.entries });
    return issued;
  }

  /** The valid token with this id; null when it is unknown or expired. */
  async find(id: string): Promise<StoredToken | null> {
    if (id === "" || id.length > TOKEN_TEXT_MAX) return null;
    return await this.findByHash(this.#hash(id));
  }

  async findByHash(hash: string): Promise<StoredToken | null> {
    const record = await this.#barrier.get(TOKEN_PREFIX + hash);
    if (record === null) return null;
    const token = decodeToken(record.value);
    return this.#isExpired(token) ? null : { hash, token };
  }

  async findByAccessor(accessor: string): Promise<StoredToken | null> {
    const record = await this.#barrier.get(this.#accessorPath(accessor));
    return record === null ? null : await this.findByHash(decodeUtf8(record.value));
  }

  /** Counts one use of a use-limited token; false when it has none left. */
  async use(stored: StoredToken): Promise<boolean> {
    if (stored.token.uses === 0) return true;
    for (;;) {
      const path = TOKEN_PREFIX + stored.hash;
      const record = await this.#barrier.get(path);
      if (record === null) return false;
      const token = decodeToken(record.value);
      const last = token.uses === 1;
      const value = last ? null : encodeToken({ ...token, uses: token.uses - 1 });
      const outcome = await this.#barrier.commit({
        entries: [{ path, value }],
        expect: [{ path, revision: record.revision }],
      });
      if (outcome.kind === "committed") return true;
    }
  }

  /** Stores a token's new times. */
  async update(stored: StoredToken): Promise<void> {
    const path = TOKEN_PREFIX + stored.hash;
    await this.#barrier.commit({ entries: [{ path, value: encodeToken(stored.token) }] });
  }

  /**
   * Removes a token and its descendants, deepest first, so that a stop in between leaves no child
   * without its parent. Returns the private scopes to be cleared.
   */
  async revoke(stored: StoredToken): Promise<readonly string[]> {
    const tree = await this.#descendants(stored);
    for (const member of tree.toReversed()) {
      await this.#barrier.commit({ entries: this.removal(member) });
    }
    return tree.map((member) => member.token.scope);
  }

  async #descendants(root: StoredToken): Promise<readonly StoredToken[]> {
    const tree = [root];
    for (let next = 0; next < tree.length; next++) {
      const parent = tree[next];
      if (parent === undefined) break;
      const prefix = `${TOKEN_PARENT_PREFIX}${parent.hash}/`;
      for (let after = "";;) {
        const paths = await this.#barrier.list(prefix, after, PAGE);
        for (const path of paths) {
          const hash = path.slice(prefix.length);
          const record = await this.#barrier.get(TOKEN_PREFIX + hash);
          if (record !== null) tree.push({ hash, token: decodeToken(record.value) });
        }
        after = paths.at(-1) ?? "";
        if (paths.length < PAGE) break;
      }
    }
    return tree;
  }

  /** The entries that remove one token, for the commit of whoever ends it. */
  removal(stored: StoredToken): readonly Entry[] {
    const { hash, token } = stored;
    const paths = [TOKEN_PREFIX + hash, this.#accessorPath(token.accessor)];
    if (token.parent !== null) paths.push(childPath(token.parent, hash));
    return paths.map((path) => ({ path, value: null }));
  }

  #isExpired(token: Token): boolean {
    return token.expiresAtMs !== null && this.#nowMs() >= token.expiresAtMs;
  }

  #hash(id: string): string {
    return encodeHex(hmacSha256(this.#hashKey, encodeUtf8(id)));
  }

  #accessorPath(accessor: string): string {
    const mac = hmacSha256(this.#hashKey, encodeUtf8(`accessor ${accessor}`));
    return TOKEN_ACCESSOR_PREFIX + encodeHex(mac);
  }
}

function childPath(parent: string, child: string): string {
  return `${TOKEN_PARENT_PREFIX}${parent}/${child}`;
}

function encodeToken(token: Token): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({ version: 1, ...token }));
}

function decodeToken(bytes: Uint8Array): Token {
  return JSON.parse(decodeUtf8(bytes)) as Token;
}

/** The token that init returns: never expires, may do everything. */
export function rootTokenTemplate(nowMs: number): TokenTemplate {
  return {
    policies: ["root"],
    path: "auth/token/root",
    displayName: "root",
    meta: null,
    uses: 0,
    createdAtMs: nowMs,
    expiresAtMs: null,
    creationTtlSeconds: 0,
    explicitMaxTtlSeconds: 0,
    periodSeconds: 0,
    renewable: false,
    orphan: true,
    parent: null,
  };
}

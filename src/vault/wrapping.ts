/**
 * Response wrapping: a reply is kept behind the barrier under a single-use token, and whoever shows
 * that token first gets it. Token and reply appear in one commit and disappear in one.
 */

import type { StoredToken } from "../access/token.ts";
import type { IssuedToken, TokenStore } from "../access/tokens.ts";
import type { Barrier } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest, type VaultError } from "../errors.ts";
import { WRAPPED_REPLY_PREFIX } from "../storage/record_paths.ts";

export const WRAPPING_POLICY_NAME = "response-wrapping";

/** Of the token that opens a reply, besides what the reply says of itself. */
export interface WrappedBy {
  /** Name of whoever asked; "" for nobody. */
  readonly displayName?: string;
  /** Request path that issues the token. Left out: the one that made the reply. */
  readonly path?: string;
}

/** What was wrapped: the reply as it would have been sent. */
export interface WrappedReply {
  readonly reply: Readonly<Record<string, unknown>>;
  /** Request path that made it. */
  readonly creationPath: string;
  readonly createdAtMs: number;
  readonly ttlSeconds: number;
}

export class WrappingStore {
  readonly #barrier: Barrier;
  readonly #tokens: TokenStore;
  readonly #nowMs: () => number;

  constructor(barrier: Barrier, tokens: TokenStore, nowMs: () => number) {
    this.#barrier = barrier;
    this.#tokens = tokens;
    this.#nowMs = nowMs;
  }

  /** Keeps a reply for `ttlSeconds`. `sealWrap` when what it shows is seal-wrapped itself. */
  async wrap(
    reply: WrappedReply["reply"],
    creationPath: string,
    ttlSeconds: number,
    sealWrap: boolean,
    { displayName = "", path = creationPath }: WrappedBy = {},
  ): Promise<IssuedToken> {
    const createdAtMs = this.#nowMs();
    const issued = this.#tokens.issue({
      type: "service",
      policies: [WRAPPING_POLICY_NAME],
      path,
      displayName,
      meta: null,
      uses: 1,
      createdAtMs,
      expiresAtMs: createdAtMs + ttlSeconds * 1000,
      creationTtlSeconds: ttlSeconds,
      explicitMaxTtlSeconds: ttlSeconds,
      periodSeconds: 0,
      renewable: false,
      orphan: true,
      parent: null,
      role: null,
    });
    const wrapped: WrappedReply = { reply, creationPath, createdAtMs, ttlSeconds };
    const value = encodeUtf8(JSON.stringify(wrapped));
    const kept = { path: WRAPPED_REPLY_PREFIX + issued.hash, value, sealWrap };
    await this.#barrier.commit({ entries: [...issued.entries, kept] });
    this.#tokens.announceExpiry(issued);
    return issued;
  }

  /** Whether a token holds a reply. Spends nothing. */
  async holds(id: string): Promise<boolean> {
    return await this.#find(id) !== null;
  }

  /** What a token holds, without spending it. Throws `invalid_request` when it holds nothing. */
  async lookup(id: string): Promise<WrappedReply> {
    const found = await this.#find(id);
    if (found === null) throw notWrapping();
    return found.wrapped;
  }

  /** Hands the reply out and ends the token: of two callers one gets it. */
  async unwrap(id: string): Promise<WrappedReply> {
    const found = await this.#find(id);
    if (found === null) throw notWrapping();
    const { stored, wrapped, revision } = found;
    const path = WRAPPED_REPLY_PREFIX + stored.hash;
    const outcome = await this.#barrier.commit({
      entries: [{ path, value: null }, ...this.#tokens.removal(stored)],
      expect: [{ path, revision }],
    });
    if (outcome.kind === "conflict") throw notWrapping();
    return wrapped;
  }

  /** Removes what a token that is gone may have left. */
  async forget(hash: string): Promise<void> {
    await this.#barrier.commit({ entries: [{ path: WRAPPED_REPLY_PREFIX + hash, value: null }] });
  }

  async #find(id: string): Promise<
    {
      readonly stored: StoredToken;
      readonly wrapped: WrappedReply;
      readonly revision: number;
    } | null
  > {
    const stored = await this.#tokens.find(id);
    if (stored === null || !stored.token.policies.includes(WRAPPING_POLICY_NAME)) return null;
    const record = await this.#barrier.get(WRAPPED_REPLY_PREFIX + stored.hash);
    if (record === null) return null;
    const wrapped = JSON.parse(decodeUtf8(record.value)) as WrappedReply;
    return { stored, wrapped, revision: record.revision };
  }
}

export function notWrapping(): VaultError {
  return invalidRequest("wrapping token is not valid or does not exist");
}

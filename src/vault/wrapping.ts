/**
 * Response wrapping: a reply is kept behind the barrier under a single-use token, and whoever shows
 * that token first gets it. Token and reply appear in one commit and disappear in one.
 */

import type { StoredToken } from "../access/token.ts";
import type { IssuedToken, TokenStore } from "../access/tokens.ts";
import type { Barrier } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { invalidRequest } from "../errors.ts";
import { WRAPPED_REPLY_PREFIX } from "../storage/record_paths.ts";

export const WRAPPING_POLICY_NAME = "response-wrapping";

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
  ): Promise<IssuedToken> {
    const createdAtMs = this.#nowMs();
    const issued = this.#tokens.issue({
      type: "service",
      policies: [WRAPPING_POLICY_NAME],
      path: creationPath,
      displayName: "",
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

  /** What a token holds, without spending it. Throws `invalid_request` when it holds nothing. */
  async lookup(id: string): Promise<WrappedReply> {
    return (await this.#find(id)).wrapped;
  }

  /** Hands the reply out and ends the token: of two callers one gets it. */
  async unwrap(id: string): Promise<WrappedReply> {
    const { stored, wrapped, revision } = await this.#find(id);
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

  async #find(id: string): Promise<{
    readonly stored: StoredToken;
    readonly wrapped: WrappedReply;
    readonly revision: number;
  }> {
    const stored = await this.#tokens.find(id);
    if (stored === null || !stored.token.policies.includes(WRAPPING_POLICY_NAME)) {
      throw notWrapping();
    }
    const record = await this.#barrier.get(WRAPPED_REPLY_PREFIX + stored.hash);
    if (record === null) throw notWrapping();
    const wrapped = JSON.parse(decodeUtf8(record.value)) as WrappedReply;
    return { stored, wrapped, revision: record.revision };
  }
}

function notWrapping() {
  return invalidRequest("wrapping token is not valid or does not exist");
}

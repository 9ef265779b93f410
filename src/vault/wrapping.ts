/**
 * Response wrapping: a reply is kept behind the barrier, and the first caller to present its
 * single-use token gets it. One commit stores token and reply; one commit removes both.
 */

import { RESPONSE_WRAPPING_POLICY_NAME } from "../access/policies/policy_names.ts";
import type { StoredToken } from "../access/tokens/token.ts";
import type { IssuedToken, TokenStore } from "../access/tokens/tokens.ts";
import type { Barrier } from "../barrier/barrier.ts";
import type { Entry } from "../barrier/change.ts";
import { encodeUtf8 } from "../crypto/bytes.ts";
import { decodeJsonRecord } from "../engines/json_record.ts";
import { invalidRequest, type VaultError } from "../errors.ts";
import { WRAPPED_REPLY_PREFIX } from "../storage/record_paths.ts";
import type { Revision } from "../storage/store.ts";

/** Details of a wrapping token that do not come from the reply. */
export interface WrappedBy {
  /** Display name of the caller. Defaults to "". */
  readonly displayName?: string;
  /** Request path that issues the token. Defaults to the path that made the reply. */
  readonly path?: string;
}

/** A reply as it would have been sent. */
export interface WrappedReply {
  readonly reply: Readonly<Record<string, unknown>>;
  /** Request path that made it. */
  readonly creationPath: string;
  readonly createdAtMs: number;
  readonly ttlSeconds: number;
  /** The reply's data is seal-wrapped at its source. Absent in older records. */
  readonly sealWrap?: boolean;
}

interface Found {
  readonly stored: StoredToken;
  readonly wrapped: WrappedReply;
  readonly revision: Revision;
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

  /** Stores a reply for `ttlSeconds`. Set `sealWrap` if its data is seal-wrapped at its source. */
  async wrap(
    reply: WrappedReply["reply"],
    creationPath: string,
    ttlSeconds: number,
    sealWrap: boolean,
    by: WrappedBy = {},
  ): Promise<IssuedToken> {
    const createdAtMs = this.#nowMs();
    const wrapped = { reply, creationPath, createdAtMs, ttlSeconds, sealWrap };
    const { issued, entries } = this.#issue(wrapped, by);
    await this.#barrier.commit({ entries });
    this.#tokens.announceExpiry(issued);
    return issued;
  }

  /**
   * Moves a reply to a fresh token and ends the old one, in one commit. The TTL stays the same,
   * capped at `ttlSecondsMax`. Throws `invalid_request` if the old token holds no reply.
   */
  async rewrap(
    id: string,
    ttlSecondsMax: number,
    by: WrappedBy,
  ): Promise<{ readonly issued: IssuedToken; readonly creationPath: string }> {
    const found = await this.#find(id);
    if (found === null) throw notWrapping();
    const ttlSeconds = Math.min(found.wrapped.ttlSeconds, ttlSecondsMax);
    const createdAtMs = this.#nowMs();
    const { issued, entries } = this.#issue({ ...found.wrapped, createdAtMs, ttlSeconds }, by);
    await this.#spend(found, entries);
    this.#tokens.announceExpiry(issued);
    return { issued, creationPath: found.wrapped.creationPath };
  }

  /** Whether a token holds a reply. Does not spend it. */
  async holds(id: string): Promise<boolean> {
    return await this.#find(id) !== null;
  }

  /** A token's reply, without spending it. Throws `invalid_request` if it holds none. */
  async lookup(id: string): Promise<WrappedReply> {
    const found = await this.#find(id);
    if (found === null) throw notWrapping();
    return found.wrapped;
  }

  /** Returns the reply and ends the token; only one caller succeeds. Throws `invalid_request`. */
  async unwrap(id: string): Promise<WrappedReply> {
    const found = await this.#find(id);
    if (found === null) throw notWrapping();
    await this.#spend(found, []);
    return found.wrapped;
  }

  /** Removes token and reply and commits `entries` with them. */
  async #spend({ stored, revision }: Found, entries: readonly Entry[]): Promise<void> {
    const outcome = await this.#barrier.commit({
      entries: [...this.#tokens.removal(stored), ...entries],
      expect: [{ path: WRAPPED_REPLY_PREFIX + stored.hash, revision }],
    });
    if (outcome.kind === "conflict") throw notWrapping();
  }

  /** Issues a token for a reply. `entries` store both. */
  #issue(
    wrapped: WrappedReply,
    { displayName = "", path = wrapped.creationPath }: WrappedBy,
  ): { readonly issued: IssuedToken; readonly entries: readonly Entry[] } {
    const { createdAtMs, ttlSeconds, sealWrap = false } = wrapped;
    const issued = this.#tokens.issue({
      type: "service",
      policies: [RESPONSE_WRAPPING_POLICY_NAME],
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
    const value = encodeUtf8(JSON.stringify(wrapped));
    const kept = { path: WRAPPED_REPLY_PREFIX + issued.hash, value, sealWrap };
    return { issued, entries: [...issued.entries, kept] };
  }

  async #find(id: string): Promise<Found | null> {
    const stored = await this.#tokens.find(id);
    if (stored === null || !stored.token.policies.includes(RESPONSE_WRAPPING_POLICY_NAME)) {
      return null;
    }
    const record = await this.#barrier.get(WRAPPED_REPLY_PREFIX + stored.hash);
    if (record === null) return null;
    const wrapped = decodeJsonRecord(record.value) as unknown as WrappedReply;
    return { stored, wrapped, revision: record.revision };
  }
}

export function notWrapping(): VaultError {
  return invalidRequest("wrapping token is not valid or does not exist");
}

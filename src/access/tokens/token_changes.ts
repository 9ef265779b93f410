/**
 * Changes of stored tokens. Each is one commit of a token's record and its index entries, on
 * condition that the token has not changed since it was read.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import type { Entry } from "../../barrier/change.ts";
import type { TokenIndex } from "./token_index.ts";
import { decodeToken, encodeToken, SPENT_USES, type StoredToken, type Token } from "./token.ts";
import { RESPONSE_WRAPPING_POLICY_NAME } from "../policies/policy_names.ts";
import { TOKEN_PREFIX, WRAPPED_REPLY_PREFIX } from "../../storage/record_paths.ts";
import { LOST, repeatWhileLost, settled } from "../../barrier/compare_and_set.ts";
import type { Expectation, StoreLimits } from "../../storage/store.ts";
import { encodeUtf8 } from "../../crypto/bytes.ts";
import { TOKEN_CHANGE_BATCH } from "../../limits.ts";

/** The token, its entries by accessor, parent and expiry, and a wrapped reply. */
const RECORDS_PER_TOKEN = 5;

export class TokenChanges {
  readonly #barrier: Barrier;
  readonly #index: TokenIndex;

  constructor(barrier: Barrier, index: TokenIndex) {
    this.#barrier = barrier;
    this.#index = index;
  }

  /** The entries that remove a token and any wrapped reply it holds. */
  removal({ hash, token }: StoredToken): readonly Entry[] {
    const paths = [...this.#index.paths(hash, token)];
    if (token.policies.includes(RESPONSE_WRAPPING_POLICY_NAME)) {
      paths.push(WRAPPED_REPLY_PREFIX + hash);
    }
    return paths.map((path) => ({ path, value: null }));
  }

  /** Leaves these tokens without uses. A writer that read one before can no longer write it. */
  async spend(hashes: readonly string[]): Promise<void> {
    await this.#commitEach(hashes, ({ hash, token }) => {
      if (token.uses === SPENT_USES) return [];
      return [{ path: TOKEN_PREFIX + hash, value: encodeToken({ ...token, uses: SPENT_USES }) }];
    });
  }

  /** Returns the scopes to clear. Reads tokens again: a renewal may have moved their expiry. */
  async remove(hashes: readonly string[]): Promise<readonly string[]> {
    const removed = await this.#commitEach(hashes, (stored) => this.removal(stored));
    return removed.map(({ token }) => token.scope);
  }

  /** Commits the entries for each token, in batches. A batch starts over if a token changes. */
  async #commitEach(
    hashes: readonly string[],
    entriesOf: (stored: StoredToken) => readonly Entry[],
  ): Promise<readonly StoredToken[]> {
    const done: StoredToken[] = [];
    const batch = batchTokens(this.#barrier.limits);
    for (let start = 0; start < hashes.length; start += batch) {
      done.push(...await this.#commitBatch(hashes.slice(start, start + batch), entriesOf));
    }
    return done;
  }

  async #commitBatch(
    hashes: readonly string[],
    entriesOf: (stored: StoredToken) => readonly Entry[],
  ): Promise<readonly StoredToken[]> {
    return await repeatWhileLost(async () => {
      const batch: StoredToken[] = [];
      const expect: Expectation[] = [];
      for (const hash of hashes) {
        const path = TOKEN_PREFIX + hash;
        const record = await this.#barrier.get(path);
        if (record === null) continue;
        batch.push({ hash, token: decodeToken(record.value) });
        expect.push({ path, revision: record.revision });
      }
      const entries = batch.flatMap(entriesOf);
      if (entries.length === 0) return settled(batch);
      const outcome = await this.#barrier.commit({ entries, expect });
      return outcome.kind === "committed" ? settled(batch) : LOST;
    });
  }

  /** Rewrites a token and its index entries. Null if it is gone or `change` returns null. */
  async change(hash: string, change: (token: Token) => Token | null): Promise<Token | null> {
    const path = TOKEN_PREFIX + hash;
    return await repeatWhileLost<Token | null>(async () => {
      const record = await this.#barrier.get(path);
      if (record === null) return settled(null);
      const before = decodeToken(record.value);
      const after = change(before);
      if (after === null) return settled(null);
      const kept = this.#index.paths(hash, after);
      const dropped = this.#index.paths(hash, before).filter((old) => !kept.includes(old));
      const outcome = await this.#barrier.commit({
        entries: [
          ...dropped.map((old) => ({ path: old, value: null })),
          ...kept.map((at, index) => ({
            path: at,
            value: index === 0 ? encodeToken(after) : encodeUtf8(hash),
          })),
        ],
        expect: [{ path, revision: record.revision }],
      });
      return outcome.kind === "committed" ? settled(after) : LOST;
    });
  }
}

function batchTokens({ commitMaxWrites, commitMaxExpectations }: StoreLimits): number {
  const fitting = Math.floor(commitMaxWrites / RECORDS_PER_TOKEN);
  return Math.min(TOKEN_CHANGE_BATCH, fitting, commitMaxExpectations);
}

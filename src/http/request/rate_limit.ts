/**
 * How often one client address may try what needs no token, or fail with a token or a login: a
 * bucket that fills at a steady rate for each address. Memory is bounded; who is forgotten starts
 * with a full bucket, which an attacker with that many addresses has anyway.
 */

import { networkOf } from "../../access/networks.ts";
import { RATE_LIMIT_ADDRESSES_MAX } from "../../limits.ts";

export interface Rate {
  readonly perSecond: number;
  /** How many at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export class RateLimiter {
  readonly #rate: Rate | null;
  readonly #nowMs: () => number;
  /** In order of last use, so that the first one is the one to forget. */
  readonly #buckets = new Map<string, Bucket>();

  /** `rate` null: nobody is limited. */
  constructor(rate: Rate | null, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** Takes one try from an address's bucket; false when there is none left. */
  admit(address: string | null): boolean {
    if (this.#rate === null) return true;
    const { perSecond, burst } = this.#rate;
    const name = networkOf(address);
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(name) ?? { tokens: burst, filledAtMs: nowMs };
    // A clock that was set back gives nothing and takes nothing; one that jumped ahead fills a bucket
    // once, as a pause does.
    const elapsedMs = Math.max(0, nowMs - bucket.filledAtMs);
    const tokens = Math.min(burst, bucket.tokens + (elapsedMs / 1000) * perSecond);
    const admitted = tokens >= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, { tokens: admitted ? tokens - 1 : tokens, filledAtMs: nowMs });
    if (this.#buckets.size > RATE_LIMIT_ADDRESSES_MAX) this.#forgetOldest();
    return admitted;
  }

  #forgetOldest(): void {
    const oldest = this.#buckets.keys().next();
    if (oldest.done !== true) this.#buckets.delete(oldest.value);
  }
}

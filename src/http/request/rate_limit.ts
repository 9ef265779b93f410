/**
 * Limits how often a client address may make requests without a valid token, or fail with a token
 * or a login. Each address has a bucket that fills at a steady rate. Memory is bounded: a forgotten
 * address starts with a full bucket, which gains nothing for an attacker with that many addresses.
 */

import { networkOf } from "../../access/networks.ts";
import { RATE_LIMIT_ADDRESSES_MAX } from "../../limits.ts";

export interface Rate {
  readonly perSecond: number;
  /** Requests allowed at once after a pause. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

export class RateLimiter {
  readonly #rate: Rate | null;
  readonly #nowMs: () => number;
  /** In order of last use, so that the first is forgotten first. */
  readonly #buckets = new Map<string, Bucket>();

  /** A null `rate` limits nobody. */
  constructor(rate: Rate | null, nowMs: () => number) {
    this.#rate = rate;
    this.#nowMs = nowMs;
  }

  /** Takes one request from the address's bucket; false if it is empty. */
  admit(address: string | null): boolean {
    if (this.#rate === null) return true;
    const { perSecond, burst } = this.#rate;
    const name = networkOf(address);
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(name) ?? { tokens: burst, filledAtMs: nowMs };
    // A clock set back adds and takes nothing. One that jumps ahead fills a bucket once, as a pause
    // does.
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

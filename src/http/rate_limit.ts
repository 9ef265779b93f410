/**
 * How often one client address may try what needs no token, or fail with a token or a login: a
 * bucket that fills at a steady rate for each address. Memory is bounded; who is forgotten starts
 * with a full bucket, which an attacker with that many addresses has anyway.
 */

import { RATE_LIMIT_ADDRESSES_MAX } from "../limits.ts";

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
    const filled = bucket.tokens + ((nowMs - bucket.filledAtMs) / 1000) * perSecond;
    const tokens = Math.min(burst, filled);
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

/** One household gets a /64 of IPv6: its addresses count as one. */
function networkOf(address: string | null): string {
  if (address === null) return "unknown";
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail = ""] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === "" ? 0 : tail.split(":").length;
  const padded = address.includes("::")
    ? [...groups, ...Array.from({ length: 8 - groups.length - rest }, () => "0")]
    : groups;
  return padded.slice(0, 4).join(":");
}

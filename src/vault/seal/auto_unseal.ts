/** When to try an automatic unseal, with backoff after failures. */

import {
  AUTO_UNSEAL_DOUBLINGS_MAX,
  AUTO_UNSEAL_RETRY_MAX_MS,
  AUTO_UNSEAL_RETRY_MIN_MS,
} from "../../limits.ts";

export class AutoUnseal {
  /** False after a seal by request, until the next start or unseal. */
  #isWanted: boolean;
  #failures = 0;
  #nextAtMs = 0;

  constructor(isWanted: boolean) {
    this.#isWanted = isWanted;
  }

  isDue(nowMs: number): boolean {
    return this.#isWanted && nowMs >= this.#nextAtMs;
  }

  /** Delays the next try, longer after each failure. */
  failed(nowMs: number): void {
    const delayMs = AUTO_UNSEAL_RETRY_MIN_MS *
      2 ** Math.min(this.#failures, AUTO_UNSEAL_DOUBLINGS_MAX);
    this.#failures += 1;
    this.#nextAtMs = nowMs + Math.min(delayMs, AUTO_UNSEAL_RETRY_MAX_MS);
  }

  opened(): void {
    this.#isWanted = true;
    this.#failures = 0;
    this.#nextAtMs = 0;
  }

  /** Call after a seal by request: the vault must stay sealed. */
  stop(): void {
    this.#isWanted = false;
  }
}

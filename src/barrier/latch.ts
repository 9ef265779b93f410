/**
 * Many writers, or one change of keys. A writer encrypts under the current keys and commits later.
 * If the keys were replaced in between, its record could name a key that a finished rewrap has
 * already erased. So writers share the latch, and a change of keys holds it alone.
 */
export class Latch {
  #shared = 0;
  #exclusive: Promise<void> | null = null;
  #drained: (() => void) | null = null;

  /** Runs `body` alongside other shared holders, after any exclusive one. */
  async shared<T>(body: () => Promise<T>): Promise<T> {
    while (this.#exclusive !== null) await this.#exclusive;
    this.#shared += 1;
    try {
      return await body();
    } finally {
      this.#shared -= 1;
      if (this.#shared === 0) this.#drained?.();
    }
  }

  /** Runs `body` alone. Not reentrant: `body` must not enter either form. */
  async exclusive<T>(body: () => Promise<T>): Promise<T> {
    while (this.#exclusive !== null) await this.#exclusive;
    const released = Promise.withResolvers<void>();
    this.#exclusive = released.promise;
    try {
      if (this.#shared > 0) {
        const drained = Promise.withResolvers<void>();
        this.#drained = drained.resolve;
        await drained.promise;
        this.#drained = null;
      }
      return await body();
    } finally {
      this.#exclusive = null;
      released.resolve();
    }
  }
}

/**
 * Batches lines: those that arrive during an append go out together in the next one, in order. A
 * line is done when its append is.
 */

interface Waiting {
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class LineQueue {
  readonly #append: (lines: readonly string[]) => Promise<void>;
  readonly #gather: () => Promise<void>;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;

  /** Calls of `append` never overlap. Before each one, `gather` lets more lines arrive. */
  constructor(
    append: (lines: readonly string[]) => Promise<void>,
    gather: () => Promise<void> = async () => {},
  ) {
    this.#append = append;
    this.#gather = gather;
  }

  write(line: string): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line, done, failed });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when no append is under way. */
  async drained(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#append(batch.map(({ line }) => line));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#running = null;
  }
}

/**
 * A Durable Object's alarm: one per object, kept by the platform across evictions. It fires at
 * least once, possibly twice. This class keeps the earliest requested time.
 */

import type { DurableObjectStorage } from "@cloudflare/workers-types";

type AlarmStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;

export class ObjectAlarm {
  readonly #storage: AlarmStorage;
  readonly #nowMs: () => number;
  /** Undefined after a start, until read from storage. */
  #pendingMs: number | null | undefined;
  /** Scheduled time of the running alarm. */
  #runningMs: number | null = null;

  constructor(storage: AlarmStorage, nowMs: () => number) {
    this.#storage = storage;
    this.#nowMs = nowMs;
  }

  /** Requests work at or after `atMs`. An earlier pending time stays. */
  async set(atMs: number): Promise<void> {
    if (this.#pendingMs === undefined) {
      const storedMs = await this.#storage.getAlarm();
      this.#pendingMs ??= storedMs;
    }
    const dueMs = this.#runningMs === null ? atMs : this.#afterRunning(this.#runningMs, atMs);
    if (this.#pendingMs !== null && this.#pendingMs <= dueMs) return;
    this.#pendingMs = dueMs;
    await this.#storage.setAlarm(dueMs);
  }

  /** Runs `work` as the handler of the alarm scheduled for `scheduledMs`. */
  async run(scheduledMs: number, work: () => Promise<void>): Promise<void> {
    this.#pendingMs = null;
    this.#runningMs = scheduledMs;
    try {
      await work();
    } finally {
      this.#runningMs = null;
    }
  }

  /**
   * An alarm that its handler sets for no later than its own scheduled time can get lost: the
   * platform takes it for the one that just ran.
   */
  #afterRunning(runningMs: number, atMs: number): number {
    return Math.max(atMs, this.#nowMs(), runningMs + 1);
  }
}

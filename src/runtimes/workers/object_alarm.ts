/**
 * The alarm of a Durable Object: one per object, at least once, possibly twice, kept by the platform
 * across evictions. This keeps the earliest of the times that were asked for.
 */

import type { DurableObjectStorage } from "@cloudflare/workers-types";

type AlarmStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;

export class ObjectAlarm {
  readonly #storage: AlarmStorage;
  readonly #nowMs: () => number;
  /** Undefined until the storage was asked after a start. */
  #pendingMs: number | null | undefined;
  /** Scheduled time of the alarm that runs now. */
  #runningMs: number | null = null;

  constructor(storage: AlarmStorage, nowMs: () => number) {
    this.#storage = storage;
    this.#nowMs = nowMs;
  }

  /** Asks for work at or after `atMs`; an earlier pending time stays. */
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

  /** Runs `work` as the handler of the alarm that was scheduled for `scheduledMs`. */
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
   * An alarm set from inside its handler for a time not after the one it was scheduled for can get
   * lost: the platform takes it for the one that has just run.
   */
  #afterRunning(runningMs: number, atMs: number): number {
    return Math.max(atMs, this.#nowMs(), runningMs + 1);
  }
}

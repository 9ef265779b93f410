/**
 * A timer that stands in for a Durable Object's alarm. At most one time is pending, the earliest.
 * It does not survive restarts; the vault sets it again from stored state. Runs of due work never
 * overlap, and failed work is retried.
 */

import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { TIMER_MAX_MS } from "../../limits.ts";

export interface TimerAlarm {
  /** Runs the work at or after `atMs`. An earlier pending time stays. May be called during work. */
  set(atMs: number): void;
  /** Starts no more work. Resolves when running work has ended. */
  stop(): Promise<void>;
}

export interface TimerAlarmOptions {
  readonly fire: () => Promise<void>;
  readonly nowMs: () => number;
  readonly log: Log;
}

const RETRY_MS = 1000;

export function createTimerAlarm({ fire, nowMs, log }: TimerAlarmOptions): TimerAlarm {
  let pendingMs: number | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isRunning = false;
  let running = Promise.resolve();
  let isStopped = false;

  const sleep = (): void => {
    clearTimeout(timer);
    if (pendingMs === null || isRunning || isStopped) return;
    timer = setTimeout(wake, Math.min(Math.max(pendingMs - nowMs(), 0), TIMER_MAX_MS));
  };
  const set = (atMs: number): void => {
    pendingMs = Math.min(pendingMs ?? atMs, atMs);
    sleep();
  };
  const wake = (): void => {
    if (pendingMs === null || pendingMs > nowMs()) return sleep();
    pendingMs = null;
    isRunning = true;
    running = run().finally(() => {
      isRunning = false;
      sleep();
    });
  };
  const run = async (): Promise<void> => {
    try {
      await fire();
    } catch (error) {
      const reason = messageOf(error);
      log.error("background work failed, it will be tried again", { reason });
      set(nowMs() + RETRY_MS);
    }
  };
  return {
    set,
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/**
 * The alarm of a Durable Object, played by a timer: at most one is pending, the earliest. It keeps
 * nothing across restarts; the vault sets it again from what is stored. Due work never runs twice at
 * the same time, and is tried again when it fails.
 */

import { messageOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { TIMER_MAX_MS } from "../../limits.ts";

export interface TimerAlarm {
  /** Runs the work at or after `atMs`; an earlier pending time stays. Allowed during the work. */
  set(atMs: number): void;
  /** Nothing begins after this; resolves when running work has ended. */
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

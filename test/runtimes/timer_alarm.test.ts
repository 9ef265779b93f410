import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLog } from "../../src/log.ts";
import { createTimerAlarm } from "../../src/runtimes/local/timer_alarm.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function start(work: () => Promise<void> = () => Promise.resolve()) {
  const firedAt: number[] = [];
  const startedMs = Date.now();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const alarm = createTimerAlarm({
    fire: async () => {
      firedAt.push(Date.now() - startedMs);
      await work();
    },
    nowMs: Date.now,
    log: createLog({ level: "info", write, style: "text", nowMs: Date.now }),
  });
  return { alarm, firedAt, lines, in: (ms: number) => alarm.set(Date.now() + ms) };
}

describe("timer alarm", () => {
  it("the timer alarm fires once, at the earliest time asked for", async () => {
    const timer = start();
    timer.in(500);
    timer.in(200);
    timer.in(900);
    await vi.advanceTimersByTimeAsync(5000);
    expect(timer.firedAt).toEqual([200]);
  });

  it("the timer alarm fires for a past time, and for one beyond the longest timer", async () => {
    const timer = start();
    timer.in(-5);
    await vi.advanceTimersByTimeAsync(1);
    expect(timer.firedAt).toHaveLength(1);
    timer.in(2 ** 31 + 500);
    await vi.advanceTimersByTimeAsync(2 ** 31);
    expect(timer.firedAt).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(timer.firedAt).toHaveLength(2);
  });

  it("the timer alarm fires again for what is set while it runs, never twice at once", async () => {
    let running = 0;
    let most = 0;
    let again = 3;
    const timer = start(async () => {
      most = Math.max(most, ++running);
      if (again-- > 0) timer.in(0);
      await new Promise((resolve) => setTimeout(resolve, 100));
      running -= 1;
    });
    timer.in(0);
    await vi.advanceTimersByTimeAsync(2000);
    expect(timer.firedAt).toHaveLength(4);
    expect(most).toBe(1);
  });

  it("the timer alarm tries failed work again after a second and logs it", async () => {
    let failures = 2;
    const timer = start(() => {
      return failures-- > 0 ? Promise.reject(new Error("disk full")) : Promise.resolve();
    });
    timer.in(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(timer.firedAt).toHaveLength(3);
    expect(timer.lines).toHaveLength(2);
    expect(timer.lines[0]).toContain("disk full");
  });

  it("the timer alarm stops after the running work and fires no more", async () => {
    let isDone = false;
    const timer = start(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      timer.in(0);
      isDone = true;
    });
    timer.in(0);
    await vi.advanceTimersByTimeAsync(10);
    const stopped = timer.alarm.stop();
    await vi.advanceTimersByTimeAsync(200);
    await stopped;
    expect(isDone).toBe(true);
    await vi.advanceTimersByTimeAsync(5000);
    expect(timer.firedAt).toHaveLength(1);
  });
});

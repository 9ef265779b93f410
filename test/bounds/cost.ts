/**
 * What work costs, compared within one run: at four times the input at most six times as much. That
 * is the project's rule for everything that is parsed or computed for a caller.
 */

import { expect } from "vitest";

/** Four times as much of anything linear, with room for a cache that no longer fits. */
const RATIO_MAX = 6;
const REPETITIONS = 7;
/** Work that takes less says nothing but noise: then only the larger amount is bounded, by this. */
const NOISE_MS = 2;

type Work = () => unknown;

/** Other tests run in other threads of this process: theirs is not counted where Node can tell. */
interface ThreadClock {
  readonly threadCpuUsage?: () => { readonly user: number; readonly system: number };
}

function cpuMs(): number {
  const { threadCpuUsage } = process as ThreadClock;
  if (threadCpuUsage === undefined) return performance.now();
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1000;
}

/** The least of several runs: noise only ever adds. */
export async function leastMs(work: Work, repetitions = REPETITIONS): Promise<number> {
  let least = Infinity;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const before = cpuMs();
    await work();
    least = Math.min(least, cpuMs() - before);
  }
  return least;
}

/**
 * Runs the work of `prepare(1)` and of `prepare(4)`, which makes input four times as long. A refusal
 * is work like any other.
 */
export async function expectLinear(prepare: (factor: 1 | 4) => Work): Promise<void> {
  const [small, large] = [settled(prepare(1)), settled(prepare(4))];
  await small();
  const smallMs = await leastMs(small);
  const largeMs = await leastMs(large);
  const ratio = largeMs / Math.max(smallMs, NOISE_MS);
  expect(ratio, `${smallMs} ms, four times as much ${largeMs} ms`).toBeLessThanOrEqual(RATIO_MAX);
}

function settled(work: Work): Work {
  return async () => {
    try {
      await work();
    } catch {
      // Refused: that is one of the answers.
    }
  };
}

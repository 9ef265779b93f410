/**
 * What work costs, compared within one run: at four times the input at most six times as much. That
 * is the project's rule for everything that is parsed or computed for a caller.
 */

import { expect } from "vitest";

/** Four times as much of anything linear, with room for a cache that no longer fits. */
const RATIO_MAX = 6;
/** The smaller work is repeated until it takes so long: less could be noise alone. */
const SAMPLE_MS = 10;
const RUNS_MAX = 2000;
const SAMPLES_MIN = 5;
/** Work of a higher order stays above the ratio however often it is measured. */
const SAMPLES_MAX = 60;
/** Nothing linear looks like this; work of the second order costs sixteen times as much. */
const HOPELESS_RATIO = 12;

type Work = () => unknown;

/** The least of several samples, for noise only ever adds. */
export async function leastMs(work: Work, samples = SAMPLES_MIN): Promise<number> {
  let least = Infinity;
  for (let sample = 0; sample < samples; sample++) {
    least = Math.min(least, await sampleMs(work, 1));
  }
  return least;
}

async function sampleMs(work: Work, runs: number): Promise<number> {
  const startMs = performance.now();
  for (let run = 0; run < runs; run++) await work();
  return performance.now() - startMs;
}

/**
 * Runs the work of `prepare(1)` and of `prepare(4)`, which makes input four times as long. A refusal
 * is work like any other. Measured until the least of both says that it is linear, or often enough.
 */
export async function expectLinear(prepare: (factor: 1 | 4) => Work): Promise<void> {
  const [small, large] = [settled(prepare(1)), settled(prepare(4))];
  await large();
  const onceMs = await leastMs(small, 3);
  const runs = Math.min(RUNS_MAX, Math.ceil(SAMPLE_MS / Math.max(onceMs, 0.001)));
  let smallMs = Infinity;
  let largeMs = Infinity;
  for (let sample = 1; sample <= SAMPLES_MAX; sample++) {
    smallMs = Math.min(smallMs, await sampleMs(small, runs));
    largeMs = Math.min(largeMs, await sampleMs(large, runs));
    if (sample < SAMPLES_MIN) continue;
    if (largeMs <= RATIO_MAX * smallMs) return;
    if (sample > 2 * SAMPLES_MIN && largeMs > HOPELESS_RATIO * smallMs) break;
  }
  const sizes = `${smallMs} ms, and ${largeMs} ms for four times as much, of ${runs} runs`;
  expect(largeMs / smallMs, sizes).toBeLessThanOrEqual(RATIO_MAX);
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

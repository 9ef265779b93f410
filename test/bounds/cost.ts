/**
 * Test helper: compares the cost of work within one run. `expectLinear` fails if four times the input
 * costs more than six times as much, which is the project's rule for everything that is parsed or
 * computed for a caller. `leastMs` times work.
 */

import { expect } from "vitest";

/** Linear work takes four times as long; the rest is room for a cache that no longer fits. */
const RATIO_MAX = 6;
/** The smaller work is repeated until it takes this long; less could be noise. */
const SAMPLE_MS = 10;
const RUNS_MAX = 2000;
const SAMPLES_MIN = 5;
/** Work that is not linear stays above the ratio however often it is measured. */
const SAMPLES_MAX = 60;
/** Linear work never looks like this; quadratic work costs sixteen times as much. */
const HOPELESS_RATIO = 12;

type Work = () => unknown;

/** The least of several samples, as noise only adds. */
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
 * Runs the work of `prepare(1)` and of `prepare(4)`, whose input is four times as long. A refusal
 * counts as work. Measures until the least times show that the work is linear, or gives up.
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
      // A refusal is a valid answer.
    }
  };
}

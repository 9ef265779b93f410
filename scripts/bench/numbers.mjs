/** Small statistics. */

/** The quantile of the sorted values; 0 if there are none. */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(values) {
  return quantile(values.toSorted((left, right) => left - right), 0.5);
}

/** Runs a measurement several times. Resolves to the median result. */
export async function medianOf(runs, measure) {
  const values = [];
  for (let run = 0; run < runs; run++) values.push(await measure(run));
  return median(values);
}

/** Small statistics. */

/** The value below which a share of the sorted values lies; 0 for none. */
export function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(values) {
  return quantile(values.toSorted((left, right) => left - right), 0.5);
}

/** Runs a measurement several times; the median of what it resolves to. */
export async function medianOf(runs, measure) {
  const values = [];
  for (let run = 0; run < runs; run++) values.push(await measure(run));
  return median(values);
}

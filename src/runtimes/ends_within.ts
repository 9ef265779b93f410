/** Waits for work that may hang, for a bounded time. */

/** False on timeout. Rejects if `work` rejects first. Leaves no timer behind. */
export async function endsWithin(work: Promise<void>, maxMs: number): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => over.resolve(false), maxMs);
  try {
    return await Promise.race([work.then(() => true), over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

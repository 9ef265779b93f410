/** Work that may hang is waited for no longer than its bound. */

/** False when the time is over before; rejects as `work` does until then. Leaves no timer behind. */
export async function endsWithin(work: Promise<void>, maxMs: number): Promise<boolean> {
  const over = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => over.resolve(false), maxMs);
  try {
    return await Promise.race([work.then(() => true), over.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads long lists a page at a time. */

/** Paths in memory at once. */
const PAGE_PATHS = 256;

/** Up to `limit` paths after `after`, in the store's order. */
type ListPage = (after: string, limit: number) => Promise<readonly string[]>;

/** All paths, in the store's order. */
export async function* eachPage(list: ListPage): AsyncGenerator<readonly string[]> {
  for (let after = "";;) {
    const paths = await list(after, PAGE_PATHS);
    if (paths.length > 0) yield paths;
    if (paths.length < PAGE_PATHS) return;
    after = paths.at(-1) ?? "";
  }
}

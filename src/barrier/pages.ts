/** Reads long lists a page at a time. */

import { LIST_PAGE_PATHS } from "../limits.ts";

/** Up to `limit` paths after `after`, in the store's order. */
type ListPage = (after: string, limit: number) => Promise<readonly string[]>;

/** All paths, in the store's order. */
export async function* eachPage(list: ListPage): AsyncGenerator<readonly string[]> {
  for (let after = "";;) {
    const paths = await list(after, LIST_PAGE_PATHS);
    if (paths.length > 0) yield paths;
    if (paths.length < LIST_PAGE_PATHS) return;
    after = paths.at(-1) ?? "";
  }
}

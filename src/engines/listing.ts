/**
 * `list` gives the names directly below a folder, in store order, optionally one page (OpenBao's
 * `after` and `limit`). `scan` gives everything below it. Reads only.
 */

import type { EngineReply } from "./engine.ts";
import type { MountRecords } from "../barrier/mount_records.ts";
import type { Sent } from "../wire/fields.ts";
import { LIST_FIELDS, pageOf } from "../wire/paging.ts";
import { eachPage } from "../barrier/pages.ts";

/** `folder` is a storage prefix: "" or ending in "/". */
export async function namesIn(
  storage: MountRecords,
  folder: string,
  page: Sent<typeof LIST_FIELDS>,
): Promise<readonly string[]> {
  return pageOf(await storage.listChildren(folder), page);
}

/** A page of the names in a folder. An empty list is missing, as in Vault. */
export async function listFolder(
  storage: MountRecords,
  folder: string,
  page: Sent<typeof LIST_FIELDS>,
): Promise<EngineReply> {
  const keys = await namesIn(storage, folder, page);
  return keys.length === 0 ? { kind: "missing" } : { kind: "data", data: { keys } };
}

/** Every path below `folder`, relative to it, in the order of `scanOrder`. */
export async function pathsBelow(
  storage: MountRecords,
  folder: string,
): Promise<readonly string[]> {
  const paths: string[] = [];
  const list = (after: string, limit: number) => storage.list(folder, after, limit);
  for await (const page of eachPage(list)) paths.push(...page);
  return scanOrder(paths.map((path) => path.slice(folder.length)));
}

/** Everything below a folder. Unlike an empty list, an empty scan is found. */
export async function scanFolder(storage: MountRecords, folder: string): Promise<EngineReply> {
  const keys = await pathsBelow(storage, folder);
  return { kind: "data", data: keys.length === 0 ? {} : { keys } };
}

/**
 * Orders paths as the reference walks them: the entries of a folder first, then its subfolders,
 * last one first. `paths` must be in store order.
 */
function scanOrder(paths: readonly string[]): readonly string[] {
  const leaves = new Map<string, string[]>();
  const folders = new Map<string, Set<string>>();
  for (const path of paths) {
    const slashes = [...path.matchAll(/\//g)].map(({ index }) => index + 1);
    let parent = "";
    for (const end of slashes) {
      const folder = path.slice(0, end);
      folders.set(parent, (folders.get(parent) ?? new Set()).add(folder));
      parent = folder;
    }
    const siblings = leaves.get(parent);
    if (siblings === undefined) leaves.set(parent, [path]);
    else siblings.push(path);
  }
  const ordered: string[] = [];
  const waiting = [""];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    // One by one, because a folder may hold more than a call takes arguments.
    for (const path of leaves.get(folder) ?? []) ordered.push(path);
    for (const inner of folders.get(folder) ?? []) waiting.push(inner);
  }
  return ordered;
}

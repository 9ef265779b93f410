/** Records of auth methods that expire: an index sorted by time, for the alarm. */

import type { Barrier } from "../barrier/barrier.ts";
import type { Entry } from "../barrier/change.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { LOGIN_EXPIRY_PREFIX } from "../storage/record_paths.ts";
import { parseTimedPath, timedPath } from "../storage/timed_path.ts";

/** `id` must be unique among entries of the same time. */
export function expiryPath(atMs: number, id: string): string {
  return timedPath(LOGIN_EXPIRY_PREFIX, atMs, id);
}

/** An index entry that removes `paths` at `atMs`. */
export function expiryEntry(atMs: number, id: string, paths: readonly string[]): Entry {
  return { path: expiryPath(atMs, id), value: encodeUtf8(JSON.stringify({ version: 1, paths })) };
}

/** When the next record expires; null if none will. */
export async function nextExpiryAtMs(barrier: Barrier): Promise<number | null> {
  const [path] = await barrier.list(LOGIN_EXPIRY_PREFIX, "", 1);
  return path === undefined ? null : parseTimedPath(LOGIN_EXPIRY_PREFIX, path).atMs;
}

/** Handles up to `limit` expired entries, oldest first: removes each with its records. */
export async function removeExpired(barrier: Barrier, nowMs: number, limit: number): Promise<void> {
  for (const path of await barrier.list(LOGIN_EXPIRY_PREFIX, "", limit)) {
    if (parseTimedPath(LOGIN_EXPIRY_PREFIX, path).atMs > nowMs) return;
    const record = await barrier.get(path);
    if (record === null) continue;
    const { paths } = JSON.parse(decodeUtf8(record.value)) as { paths: readonly string[] };
    await barrier.commit({
      entries: [...paths, path].map((ended) => ({ path: ended, value: null })),
      // A record removed meanwhile may have been created again with another expiry.
      expect: [{ path, revision: record.revision }],
    });
  }
}

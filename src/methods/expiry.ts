/** What of the auth methods ends by itself: an index sorted by time, for the alarm. */

import type { Barrier, Entry } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { LOGIN_EXPIRY_PREFIX } from "../storage/record_paths.ts";

/** Digits of a time, so that text order is time order. */
const TIME_DIGITS = 15;

/** `id`: unique among all of one time. */
export function expiryPath(atMs: number, id: string): string {
  return `${LOGIN_EXPIRY_PREFIX}${String(atMs).padStart(TIME_DIGITS, "0")}/${id}`;
}

/** The entry that has `paths` removed when `atMs` has come. */
export function expiryEntry(atMs: number, id: string, paths: readonly string[]): Entry {
  return { path: expiryPath(atMs, id), value: encodeUtf8(JSON.stringify({ version: 1, paths })) };
}

/** When the next record ends; null when none does. */
export async function nextExpiryAtMs(barrier: Barrier): Promise<number | null> {
  const [path] = await barrier.list(LOGIN_EXPIRY_PREFIX, "", 1);
  return path === undefined ? null : timeOf(path);
}

/** Removes up to `limit` of what has ended, the oldest first. */
export async function removeExpired(barrier: Barrier, nowMs: number, limit: number): Promise<void> {
  for (const path of await barrier.list(LOGIN_EXPIRY_PREFIX, "", limit)) {
    if (timeOf(path) > nowMs) return;
    const record = await barrier.get(path);
    if (record === null) continue;
    const { paths } = JSON.parse(decodeUtf8(record.value)) as { paths: readonly string[] };
    await barrier.commit({
      entries: [...paths, path].map((ended) => ({ path: ended, value: null })),
      // What was removed meanwhile may have been made anew, with a time of its own.
      expect: [{ path, revision: record.revision }],
    });
  }
}

function timeOf(path: string): number {
  return Number(path.slice(LOGIN_EXPIRY_PREFIX.length).split("/", 1)[0]);
}

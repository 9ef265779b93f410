/**
 * Due times of the alarm. Each job has a plain record of its own, which it writes in its own
 * commit. The alarm does nothing while the vault is sealed; the next unseal sets it by these times.
 */

import { DUE_PREFIX } from "./record_paths.ts";
import type { Store } from "./store.ts";
import { DUE_JOBS_MAX } from "../limits.ts";

const DUE_TIME_BYTES = 8;

/** Milliseconds since the epoch, big-endian float64. */
export function encodeDueTime(atMs: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DUE_TIME_BYTES);
  new DataView(bytes.buffer).setFloat64(0, atMs);
  return bytes;
}

export function decodeDueTime(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(0);
}

/** Job name → due time, for every job that waits for the alarm. */
export async function readDueTimes(store: Store): Promise<ReadonlyMap<string, number>> {
  const due = new Map<string, number>();
  for (const path of await store.list(DUE_PREFIX, "", DUE_JOBS_MAX)) {
    const record = await store.get(path);
    if (record !== null) due.set(path.slice(DUE_PREFIX.length), decodeDueTime(record.bytes));
  }
  return due;
}

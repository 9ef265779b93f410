/**
 * One unconditional write of an engine that keeps no history. Never reports a write as done that
 * the storage refused.
 */

import { VaultError } from "../errors.ts";
import type { MountRecords } from "../barrier/mount_records.ts";

/** Null removes. Throws `store_conflict` when the storage did not take it; then nothing changed. */
export async function overwrite(
  storage: MountRecords,
  path: string,
  value: Uint8Array | null,
): Promise<void> {
  if (await storage.commit([{ path, value }])) return;
  throw new VaultError("store_conflict", "cannot write: other writers kept winning");
}

/**
 * An unconditional write, for engines that keep no history. Never reports success if the storage
 * refused.
 */

import { VaultError } from "../errors.ts";
import type { MountRecords } from "../barrier/mount_records.ts";

/** Null removes. Throws `store_conflict` if the storage refused; then nothing has changed. */
export async function overwrite(
  storage: MountRecords,
  path: string,
  value: Uint8Array | null,
): Promise<void> {
  if (await storage.commit([{ path, value }])) return;
  throw new VaultError("store_conflict", "cannot write: other writers kept winning");
}

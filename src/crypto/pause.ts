/** Lets other requests run between the slices of long work. */

import { nextTick } from "@noble/hashes/utils.js";

/** Resolves after other events have had their turn. */
export async function pause(): Promise<void> {
  await nextTick();
}

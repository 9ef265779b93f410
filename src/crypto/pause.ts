/** Long work is done in slices, and between them others are served. */

import { nextTick } from "@noble/hashes/utils.js";

/** Resolves after other events had their turn. */
export async function pause(): Promise<void> {
  await nextTick();
}

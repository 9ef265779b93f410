/**
 * Optimistic changes: read, decide, commit on condition that nothing has changed since, and start
 * again if another writer was faster.
 */

import { VaultError } from "../errors.ts";
import { COMMIT_TRIES_MAX } from "../limits.ts";

/** `lost`: another writer was faster; nothing was changed. */
export type Attempt<T> = { readonly kind: "settled"; readonly result: T } | typeof LOST;

export const LOST = { kind: "lost" } as const;

export function settled<T>(result: T): Attempt<T> {
  return { kind: "settled", result };
}

/**
 * Runs `attempt` until it settles. `attempt` must read anew each time, and may throw to refuse.
 * Throws `store_conflict` after `COMMIT_TRIES_MAX` lost attempts.
 */
export async function repeatWhileLost<T>(attempt: () => Promise<Attempt<T>>): Promise<T> {
  for (let tries = 0; tries < COMMIT_TRIES_MAX; tries++) {
    const outcome = await attempt();
    if (outcome.kind === "settled") return outcome.result;
  }
  throw new VaultError("store_conflict", "cannot finish the request: other writers kept winning");
}

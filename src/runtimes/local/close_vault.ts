/** Closes a vault when its process ends: in order, but within a bounded time. */

import { CLOSE_WAIT_MAX_MS } from "../../limits.ts";
import type { Vault } from "../../vault/vault.ts";

/** Closes the vault, which gives up on audit devices after `CLOSE_WAIT_MAX_MS`. */
export async function closeVault(vault: Pick<Vault, "close">): Promise<void> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), CLOSE_WAIT_MAX_MS);
  try {
    await vault.close(limit.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Ending an auth method together with the tokens it has made, and ending tokens by their path. */

import { invalidRequest } from "../../errors.ts";
import { TOKEN_MOUNT_PATH } from "../../access/auth_mount.ts";
import type { UnsealedVault } from "../unsealed_vault.ts";
import type { Vault } from "../vault.ts";

/**
 * Nobody logs in from the first step on; the mount disappears in the last one. A stop in between
 * leaves it listed, and asking again goes on. `path` is without `auth/`.
 */
export async function disableLogin(vault: Vault, path: string): Promise<void> {
  if (path === TOKEN_MOUNT_PATH) {
    throw invalidRequest("token credential backend cannot be disabled");
  }
  const mount = vault.unsealed().logins.at(path);
  if (mount === null) return;
  await vault.administer((unsealed) => unsealed.logins.close(mount));
  await revokeBelow(vault.unsealed(), `auth/${path}`);
  await vault.administer((unsealed) => unsealed.logins.remove(mount));
}

/** Ends all tokens with an end that were made at or below a path, and their descendants. */
export async function revokeBelow(unsealed: UnsealedVault, path: string): Promise<void> {
  const prefix = path.endsWith("/") ? path : `${path}/`;
  for await (const stored of unsealed.tokens.each()) {
    const { path: madeAt, expiresAtMs } = stored.token;
    if (expiresAtMs !== null && `${madeAt}/`.startsWith(prefix)) await unsealed.revokeTree(stored);
  }
}

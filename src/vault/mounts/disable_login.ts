/** Ending an auth method together with the tokens it has made, and ending tokens by their path. */

import { invalidRequest } from "../../errors.ts";
import { TOKEN_MOUNT_PATH } from "../../access/auth_mount.ts";
import type { OpenVault } from "../open_vault.ts";
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
  await vault.administer((open) => open.logins.close(mount));
  await revokeBelow(vault.unsealed(), `auth/${path}`);
  await vault.administer((open) => open.logins.remove(mount));
}

/** Ends all tokens with an end that were made at or below a path, and their descendants. */
export async function revokeBelow(open: OpenVault, path: string): Promise<void> {
  const prefix = path.endsWith("/") ? path : `${path}/`;
  for await (const stored of open.tokens.each()) {
    const { path: madeAt, expiresAtMs } = stored.token;
    if (expiresAtMs !== null && `${madeAt}/`.startsWith(prefix)) await open.revokeTree(stored);
  }
}

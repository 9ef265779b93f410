/** Disabling an auth method with its tokens, and revoking tokens by path. */

import { invalidRequest } from "../../errors.ts";
import { TOKEN_MOUNT_PATH } from "../../access/auth_mount.ts";
import type { UnsealedVault } from "../unsealed_vault.ts";
import type { Vault } from "../vault.ts";

/**
 * The first step stops logins; the last one removes the mount. A mount interrupted in between stays
 * listed, and disabling it again resumes. `path` excludes `auth/`.
 */
export async function disableLogin(vault: Vault, path: string): Promise<void> {
  if (path === TOKEN_MOUNT_PATH) {
    throw invalidRequest("token credential backend cannot be disabled");
  }
  const mount = vault.unsealed().logins.at(path);
  if (mount === null) {
    await vault.administer((unsealed) => unsealed.logins.finishRemovals());
    return;
  }
  await vault.administer((unsealed) => unsealed.logins.close(mount));
  await revokeBelow(vault.unsealed(), `auth/${path}`);
  await vault.administer((unsealed) => unsealed.logins.remove(mount));
}

/** Revokes all expiring tokens issued at or below a path, with their descendants. */
export async function revokeBelow(unsealed: UnsealedVault, path: string): Promise<void> {
  const prefix = path.endsWith("/") ? path : `${path}/`;
  for await (const stored of unsealed.tokens.each()) {
    const { path: madeAt, expiresAtMs } = stored.token;
    if (expiresAtMs !== null && `${madeAt}/`.startsWith(prefix)) await unsealed.revokeTree(stored);
  }
}

/** Which mount a path belongs to, of either kind. */

import type { LoginMount } from "../access/logins/login_mounts.ts";
import type { Mount } from "../vault/mounts.ts";
import type { OpenVault } from "../vault/open_vault.ts";

/** A mount of either kind. */
export type Owner =
  | { readonly kind: "engine"; readonly mount: Mount }
  | { readonly kind: "login"; readonly mount: LoginMount };

/** The mount at or above a path, which is below `auth/` for an auth method. */
export function ownerOf(open: OpenVault, path: string): Owner | null {
  const mount = open.mounts.route(path)?.mount;
  if (mount !== undefined) return { kind: "engine", mount };
  const login = open.logins.route(path)?.mount;
  return login === undefined ? null : { kind: "login", mount: login };
}

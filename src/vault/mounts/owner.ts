/** Which mount a path belongs to, of either kind. */

import type { AuthMount } from "../../access/auth_mount.ts";
import type { Mount } from "./mount_record.ts";
import type { UnsealedVault } from "../unsealed_vault.ts";

/** A mount of either kind. */
export type Owner =
  | { readonly kind: "engine"; readonly mount: Mount }
  | { readonly kind: "login"; readonly mount: AuthMount };

/** The mount at or above a path, which is below `auth/` for an auth method. */
export function ownerOf(unsealed: UnsealedVault, path: string): Owner | null {
  const mount = unsealed.mounts.route(path)?.mount;
  if (mount !== undefined) return { kind: "engine", mount };
  const login = unsealed.logins.route(path)?.mount;
  return login === undefined ? null : { kind: "login", mount: login };
}

/**
 * The path of the mount at or above the one that a request names, without the slash at its end; null
 * for none. `below`: "" or `auth/`, which the request's path is below.
 */
export function ownerPath(
  unsealed: UnsealedVault,
  parameter: (name: string) => string,
  below: "" | "auth/",
): string | null {
  const owner = ownerOf(unsealed, `${below}${parameter("path")}/`);
  if (owner === null) return null;
  const { kind, mount } = owner;
  const whole = kind === "login" ? `auth/${mount.path}` : mount.path;
  return whole.slice(below.length, -1);
}

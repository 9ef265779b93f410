/** Finds the mount, of an engine or an auth method, that owns a path. */

import type { AuthMount } from "../../access/auth_mount.ts";
import type { Mount } from "./mount_record.ts";
import type { UnsealedVault } from "../unsealed_vault.ts";

/** A mount of either kind. */
export type Owner =
  | { readonly kind: "engine"; readonly mount: Mount }
  | { readonly kind: "login"; readonly mount: AuthMount };

/** The mount at or above a path; null if none. Auth methods are below `auth/`. */
export function ownerOf(unsealed: UnsealedVault, path: string): Owner | null {
  const mount = unsealed.mounts.route(path)?.mount;
  if (mount !== undefined) return { kind: "engine", mount };
  const login = unsealed.logins.route(path)?.mount;
  return login === undefined ? null : { kind: "login", mount: login };
}

/**
 * The path of the mount at or above the request's `path` parameter, without its final slash; null
 * if none. Both paths are relative to `below`.
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

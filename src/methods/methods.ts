/** The login methods, one row per type. A type's code is loaded when a mount first needs it. */

import type { AuthMethodType } from "../access/auth_mount.ts";
import type { AuthMethodModule } from "./method.ts";

export const AUTH_METHODS: Readonly<Record<AuthMethodType, AuthMethodModule>> = {
  approle: {
    type: "approle",
    loginPath: "login",
    hasLockout: true,
    load: async () => (await import("./approle/approle.ts")).openAppRole,
  },
  userpass: {
    type: "userpass",
    loginPath: "login/*",
    hasLockout: true,
    load: async () => (await import("./userpass/userpass.ts")).openUserpass,
  },
};

/** Null for an unknown type. */
export function authMethod(type: string): AuthMethodModule | null {
  return Object.hasOwn(AUTH_METHODS, type) ? AUTH_METHODS[type as AuthMethodType] : null;
}

/** Whether a path below a mount of the type needs no token. */
export function isLoginPath({ loginPath }: AuthMethodModule, path: string): boolean {
  return loginPath.endsWith("*") ? path.startsWith(loginPath.slice(0, -1)) : path === loginPath;
}

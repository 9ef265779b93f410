/** The tables of the auth methods, by the type of a mount. */

import type { AclPath } from "../access/acl.ts";
import type { LoginMount } from "../access/logins/login_mounts.ts";
import type { Operation } from "../engines/engine.ts";
import { APPROLE_PATHS } from "./auth_approle.ts";
import { USERPASS_PATHS } from "./auth_userpass.ts";
import { judgedLogin } from "./login_paths.ts";
import type { DescribedPath } from "./openapi.ts";

/** What a mount serves below its path, to be described. */
export function loginPaths({ type }: LoginMount): readonly DescribedPath[] {
  switch (type) {
    case "approle":
      return APPROLE_PATHS;
    case "userpass":
      return USERPASS_PATHS;
    case "token":
      // Among the endpoints of the system.
      return [];
  }
}

/** Where policies judge an operation on a path of the mount. */
export function judgedAtLogin(mount: LoginMount, path: string, operation: Operation): AclPath {
  switch (mount.type) {
    case "approle":
      return judgedLogin(APPROLE_PATHS, mount, path, operation);
    case "userpass":
      return judgedLogin(USERPASS_PATHS, mount, path, operation);
    case "token":
      return { path };
  }
}

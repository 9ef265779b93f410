/** The tables of the auth methods, by the type of a mount. */

import type { AclPath } from "../../access/policies/acl.ts";
import type { AuthMount } from "../../access/auth_mount.ts";
import type { Operation } from "../../wire/operation.ts";
import { APPROLE_PATHS } from "../../methods/approle/approle.ts";
import { USERPASS_PATHS } from "../../methods/userpass/userpass.ts";
import { judgedLogin } from "../../methods/method.ts";
import type { DescribedPath } from "../../wire/described_path.ts";

/** What a mount serves below its path, to be described. */
export function loginPaths({ type }: AuthMount): readonly DescribedPath[] {
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
export function judgedAtLogin(mount: AuthMount, path: string, operation: Operation): AclPath {
  switch (mount.type) {
    case "approle":
      return judgedLogin(APPROLE_PATHS, mount, path, operation);
    case "userpass":
      return judgedLogin(USERPASS_PATHS, mount, path, operation);
    case "token":
      return { path };
  }
}

/** The path of a mount or audit device within a request's path. Pure. */

import type { Spellings } from "../../wire/served_path.ts";
import { MOUNT_PATH } from "../../access/policies/name_spellings.ts";
import type { EndpointCall } from "../request/logical.ts";
import { VaultError } from "../../errors.ts";

/** A trailing slash does not change which mount a path names. */
export const MOUNT_SPELLINGS: Spellings = { path: MOUNT_PATH };

/** The path of the mount that a request names, with a trailing slash. Throws `unsupported_path`. */
export function mountPath({ parameter }: Pick<EndpointCall, "parameter">): string {
  const path = parameter("path");
  if (path === "") throw new VaultError("unsupported_path", "unsupported path");
  return `${path}/`;
}

/** The path of a mount or an audit device in the path of a request. Pure. */

import type { Spellings } from "../../wire/served_path.ts";
import { MOUNT_PATH } from "../../access/policies/name_spellings.ts";
import type { EndpointCall } from "../request/logical.ts";
import { VaultError } from "../../errors.ts";

/** A path is that of the same mount with a slash at the end and without. */
export const MOUNT_SPELLINGS: Spellings = { path: MOUNT_PATH };

/** The path of the mount that a request names, with its trailing slash. */
export function mountPath({ parameter }: Pick<EndpointCall, "parameter">): string {
  const path = parameter("path");
  if (path === "") throw new VaultError("unsupported_path", "unsupported path");
  return `${path}/`;
}

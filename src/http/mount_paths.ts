/** Mount paths inside the paths of `sys/mounts/*` and `sys/auth/*`. */

import { VaultError } from "../errors.ts";

export const TUNE = "/tune";

/** The mount's path in a request path, with its trailing slash. */
export function mountPath(path: string, prefix: string): string {
  const rest = path.slice(prefix.length).replace(/\/+$/, "");
  if (rest === "") throw new VaultError("unsupported_path", "unsupported path");
  return `${rest}/`;
}

export function isTune(path: string, prefix: string): boolean {
  return path.endsWith(TUNE) && path.length > prefix.length + TUNE.length;
}

/** Names of users and roles in paths. */

import { VaultError } from "../errors.ts";
import { LOGIN_NAME_MAX_CHARS } from "../limits.ts";
import { foldCase } from "../wire/fold.ts";

/** Vault's `GenericNameRegex`. */
const NAME = /^\w(?:[\w.-]*\w)?$/;

/** The stored spelling of a name. Throws `unsupported_path` if it cannot name a user or role. */
export function parseName(text: string): string {
  if (text.length > LOGIN_NAME_MAX_CHARS || !NAME.test(text)) throw unsupportedPath();
  return foldCase(text);
}

export function unsupportedPath(): VaultError {
  return new VaultError("unsupported_path", "unsupported path");
}

/** Mount paths and mount fields, as `sys/mounts/*` and `sys/auth/*` have them alike. */

import { boolean, coerceText, object, text } from "../engines/fields.ts";
import { VaultError } from "../errors.ts";
import type { EndpointCall } from "./logical.ts";

/** What is said of a mount when it is made. */
export const ENABLE_FIELDS = {
  type: text("kind of the mount"),
  description: text("what the mount is for"),
  config: object("settings that can be tuned later"),
  options: object("settings of the engine itself"),
  local: boolean("as sent; there is one server"),
  seal_wrap: boolean("wrap what is stored once more with the seal key"),
  external_entropy_access: boolean("as sent; randomness is the platform's"),
  plugin_name: text("not used: everything is built in"),
  plugin_version: text("not used: everything is built in"),
};

/** The path of the mount that a request names, with its trailing slash. */
export function mountPath({ parameter }: EndpointCall): string {
  const path = parameter("path").replace(/\/+$/, "");
  if (path === "") throw new VaultError("unsupported_path", "unsupported path");
  return `${path}/`;
}

export function textOptions(
  options: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, coerceText(value) ?? ""]),
  );
}

/** Versions of plugins. All are built in and have the product's version. Pure. */

import { invalidRequest } from "../../../errors.ts";
import { PLUGIN_VERSION_MAX_CHARS } from "../../../limits.ts";

/** Matches what go-version reads, in linear time: each separator can match in one place only. */
const SEMANTIC =
  /^v?(?<numbers>[0-9]+(?:\.[0-9]+)*)(?<pre>-?[0-9A-Za-z~-]+(?:\.[0-9A-Za-z~-]+)*)?(?<meta>\+[0-9A-Za-z~-]+(?:\.[0-9A-Za-z~-]+)*)?$/;

/** The version of everything built in. */
export function builtinVersion(productVersion: string): string {
  return `v${productVersion}+builtin.bao`;
}

/** Whether a version from `canonicalVersion` claims to be built in. */
export function isBuiltinVersion(version: string): boolean {
  const [, metadata = ""] = version.split("+");
  return metadata.split(".").includes("builtin");
}

/** Adds the "v", and zeros up to three numbers. Throws `invalid_request`. */
export function canonicalVersion(text: string): string {
  const parts = text.length > PLUGIN_VERSION_MAX_CHARS ? undefined : SEMANTIC.exec(text)?.groups;
  if (parts === undefined) {
    throw invalidRequest(
      `version ${JSON.stringify(text)} is not a valid semantic version: malformed version: ${text}`,
    );
  }
  const { numbers = "", pre = "", meta = "" } = parts;
  const given = numbers.split(".").map((number) => number.replace(/^0+(?=.)/, ""));
  const padded = [...given, "0", "0"].slice(0, Math.max(3, given.length));
  const shownPre = pre === "" || pre.startsWith("-") ? pre : `-${pre}`;
  return `v${padded.join(".")}${shownPre}${meta}`;
}

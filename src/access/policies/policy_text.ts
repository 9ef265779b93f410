/** Code shared by all kinds of policies. Pure. */

import { decodeBase64, decodeUtf8 } from "../../crypto/bytes.ts";

/**
 * A policy's text, given plainly or in base64. Every policy but an empty one has quotes or braces,
 * which base64 lacks, so the two cannot be confused.
 */
export function policyText(given: string): string {
  const decoded = decodeBase64(given);
  if (decoded === null) return given;
  try {
    return decodeUtf8(decoded);
  } catch {
    return given;
  }
}

/**
 * Orders names as Vault lists them: the entries of a folder first, then its subfolders, last one
 * first. `names` must be sorted.
 */
export function inScanOrder(names: readonly string[]): readonly string[] {
  const ordered: string[] = [];
  const waiting = [{ folder: "", names }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { folder } = next;
    const slash = (name: string) => name.indexOf("/", folder.length);
    ordered.push(...next.names.filter((name) => slash(name) === -1));
    const inside = next.names.filter((name) => slash(name) !== -1);
    const folders = Map.groupBy(inside, (name) => name.slice(0, slash(name) + 1));
    for (const [below, all] of folders) waiting.push({ folder: below, names: all });
  }
  return ordered;
}

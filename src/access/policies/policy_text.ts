/** What policies of every kind have in common. Pure. */

import { decodeBase64, decodeUtf8 } from "../../crypto/bytes.ts";

/**
 * The text of a policy that is given as it is or as base64 of it. Policy text has quotes or braces,
 * which base64 has not: the two cannot be confused, but where there is nothing at all.
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
 * Names as Vault lists them: what is directly in a folder, then its folders, the last one first.
 * Takes them in order.
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

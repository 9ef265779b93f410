/** Pages of a list of names, with OpenBao's `after` and `limit`. Pure. */

import { comparePaths } from "../storage/paths.ts";
import { integer, type Sent, text } from "./fields.ts";

export const LIST_FIELDS = {
  after: text("name after which the list begins"),
  limit: integer("most names to list; 0 for all"),
};

/** The page of `names` that was asked for, in their order. */
export function pageOf(
  names: readonly string[],
  { after = "", limit = 0 }: Sent<typeof LIST_FIELDS>,
): readonly string[] {
  const rest = after === "" ? names : names.filter((name) => comparePaths(name, after) > 0);
  return limit > 0 ? rest.slice(0, limit) : rest;
}

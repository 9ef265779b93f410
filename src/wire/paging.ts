/** A page of a list of names: `after` and `limit`, as OpenBao has them. Pure. */

import { comparePaths } from "../storage/paths.ts";
import { integer, type Sent, text } from "./fields.ts";

export const LIST_FIELDS = {
  after: text("name after which the list begins"),
  limit: integer("most names to list; 0 for all"),
};

/** The names of a page, of all in order. */
export function pageOf(
  names: readonly string[],
  { after = "", limit = 0 }: Sent<typeof LIST_FIELDS>,
): readonly string[] {
  const rest = after === "" ? names : names.filter((name) => comparePaths(name, after) > 0);
  return limit > 0 ? rest.slice(0, limit) : rest;
}

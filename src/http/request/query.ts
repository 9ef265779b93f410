/** Words of a query that every endpoint knows. */

import { parseBool } from "../../wire/go_text.ts";

/** A word that means neither yes nor no; answered with 400 and no text. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

export function isTrue(text: string | null): boolean {
  return text !== null && parseBool(text) === true;
}

/** What GET is to be taken for; null: what it says. Throws `InvalidQuery`. */
export function listingOf(query: URLSearchParams): "list" | "scan" | null {
  const lists = truthOf(query.get("list"));
  const scans = truthOf(query.get("scan"));
  if (lists && scans) throw new InvalidQuery();
  if (lists) return "list";
  return scans ? "scan" : null;
}

function truthOf(text: string | null): boolean {
  if (text === null || text === "") return false;
  const truth = parseBool(text);
  if (truth === null) throw new InvalidQuery();
  return truth;
}

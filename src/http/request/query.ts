/** Query parameters that every endpoint knows. */

import { parseBool } from "../../wire/go_text.ts";

/** A parameter that is not a boolean. Answered with 400 and no text. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

export function isTrue(text: string | null): boolean {
  return text !== null && parseBool(text) === true;
}

/** The listing that a GET asks for; null for a read. Throws `InvalidQuery`. */
export function listingOf(query: URLSearchParams): "list" | "scan" | null {
  const lists = booleanOf(query.get("list"));
  const scans = booleanOf(query.get("scan"));
  if (lists && scans) throw new InvalidQuery();
  if (lists) return "list";
  return scans ? "scan" : null;
}

function booleanOf(text: string | null): boolean {
  if (text === null || text === "") return false;
  const value = parseBool(text);
  if (value === null) throw new InvalidQuery();
  return value;
}

/** Words of a query that every endpoint knows. */

/** A word that means neither yes nor no; answered with 400 and no text. */
export class InvalidQuery extends Error {
  override readonly name = "InvalidQuery";
}

/** What Go's strconv.ParseBool takes. */
const TRUE_WORDS: readonly string[] = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE_WORDS: readonly string[] = ["0", "f", "F", "FALSE", "false", "False"];

export function isTrue(text: string | null): boolean {
  return text !== null && TRUE_WORDS.includes(text);
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
  if (text === null || text === "" || FALSE_WORDS.includes(text)) return false;
  if (isTrue(text)) return true;
  throw new InvalidQuery();
}

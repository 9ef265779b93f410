/**
 * The metadata of a secret id, read as the reference does (go-secure-stdlib strutil
 * `ParseArbitraryKeyValues`): a JSON object of texts, or `name=value` pairs separated by commas.
 * Either may be in base64. Pure.
 */

import { decodeBase64 } from "../../crypto/bytes.ts";
import { invalidRequest, type VaultError } from "../../errors.ts";
import { SECRET_ID_METADATA_MAX_CHARS } from "../../limits.ts";
import { cleanNames } from "../../access/tokens/token_policies.ts";

/** Throws `invalid_request` for text in neither form, and for a name without a value. */
export function parseMetadata(sent: string): Readonly<Record<string, string>> {
  if (sent.length > SECRET_ID_METADATA_MAX_CHARS) {
    throw unreadable(`longer than ${SECRET_ID_METADATA_MAX_CHARS} characters`);
  }
  const text = fromBase64(sent.trim());
  if (text.trim() === "") return {};
  const pairs = jsonPairs(text) ?? textPairs(text);
  const empty = pairs.find(([name, value]) => name !== "" && value === "");
  if (empty !== undefined) throw unreadable(`invalid value for key ${JSON.stringify(empty[0])}`);
  return Object.fromEntries(pairs);
}

/** Any word may look like base64, so the decoded bytes need not be text. */
const LENIENT = new TextDecoder();

type Pair = readonly [name: string, value: string];

function fromBase64(text: string): string {
  const bytes = decodeBase64(text);
  return bytes === null ? text : LENIENT.decode(bytes);
}

/** Null if the text is not a JSON object of texts. A null member is read as "". */
function jsonPairs(text: string): readonly Pair[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (parsed === null) return [];
  if (typeof parsed !== "object" || Array.isArray(parsed)) return null;
  const pairs = Object.entries(parsed).map(([name, value]) => [name, value ?? ""] as const);
  return pairs.every((pair): pair is Pair => typeof pair[1] === "string") ? pairs : null;
}

/** Pairs are in lower case, without duplicates. */
function textPairs(text: string): readonly Pair[] {
  return cleanNames(text.split(",")).map((pair) => {
    const [name = "", value, ...more] = pair.split("=").map((part) => part.trim());
    if (value === undefined || more.length > 0) {
      throw unreadable("failed to parse the input: invalid <key,value> format");
    }
    if (name === "" || value === "") {
      throw unreadable(
        "failed to parse the input: invalid <key,value> pair: " +
          `key: ${JSON.stringify(name)} value: ${JSON.stringify(value)}`,
      );
    }
    return [name, value];
  });
}

function unreadable(why: string): VaultError {
  return invalidRequest(`failed to parse metadata: ${why}`);
}

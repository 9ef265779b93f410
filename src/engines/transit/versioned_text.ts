/** `vault:v<version>:<base64>`, the form of ciphertexts and HMACs that callers keep. Pure. */

import { encodeBase64 } from "../../crypto/bytes.ts";
import { type Checked, refused, usable } from "./base64.ts";

const PREFIX = "vault:v";

/** How the reference refuses such a text. */
export interface VersionedWords {
  readonly noPrefix: string;
  /** In front of what else is wrong. */
  readonly invalid: string;
}

export interface VersionedText {
  /** As it is written: it may be 0, negative, or a version the key does not have. */
  readonly version: number;
  /** Not looked at yet. */
  readonly base64: string;
}

export function formatVersioned(version: number, bytes: Uint8Array): string {
  return `${PREFIX}${version}:${encodeBase64(bytes)}`;
}

export function parseVersioned(
  text: string,
  { noPrefix, invalid }: VersionedWords,
): Checked<VersionedText> {
  if (!text.startsWith(PREFIX)) return refused(noPrefix);
  const colon = text.indexOf(":", PREFIX.length);
  if (colon === -1) return refused(`${invalid}: wrong number of fields`);
  const digits = text.slice(PREFIX.length, colon);
  if (!/^[+-]?\d{1,18}$/.test(digits)) {
    return refused(`${invalid}: version number could not be decoded`);
  }
  return usable({ version: Number(digits), base64: text.slice(colon + 1) });
}

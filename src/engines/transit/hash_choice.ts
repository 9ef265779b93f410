/**
 * Choices that requests to `sign`, `verify` and `hmac` make by name: hash functions, and others that
 * are checked before the key is loaded. Pure.
 */

import { invalidRequest } from "../../errors.ts";
import { boolean, integer, text } from "../../wire/fields.ts";
import { quoteText } from "../../wire/go_text.ts";
import { PSS_SALT_LENGTH_MIN } from "../../limits.ts";

const DEFAULT_HASH = "sha2-256";
const SIGNATURE_HASHES: readonly string[] = [
  "sha1",
  "sha2-224",
  "sha2-256",
  "sha2-384",
  "sha2-512",
  "sha3-224",
  "sha3-256",
  "sha3-384",
  "sha3-512",
  "none",
];
const MARSHALINGS: readonly string[] = ["asn1", "jws"];

export const SIGNATURE_FIELDS = {
  hash_algorithm: text("hash function, unless the path says it; sha2-256 if left out"),
  algorithm: text("hash function, if hash_algorithm is sent and empty"),
  context: text("ignored: no type of key signs"),
  prehashed: boolean("ignored: no type of key signs"),
  signature_algorithm: text("ignored: no type of key signs"),
  marshaling_algorithm: text("asn1 or jws; asn1 if left out"),
  salt_length: text("auto, hash, or a number"),
};
export const KEY_VERSION = integer("version of the key; 0 for the latest");

export interface SentChoice {
  readonly hash_algorithm?: string | undefined;
  readonly algorithm?: string | undefined;
  readonly marshaling_algorithm?: string | undefined;
  readonly salt_length?: string | undefined;
}

/** The path wins, then the first field that is not empty. A field left out has its default. */
export function chosenHash(pathAlgorithm: string | null, sent: SentChoice): string {
  return pathAlgorithm ?? ((sent.hash_algorithm ?? DEFAULT_HASH) || sent.algorithm || DEFAULT_HASH);
}

/** Throws `invalid_request` for choices that no type of key supports. */
export function refuseUnknownChoice(pathAlgorithm: string | null, sent: SentChoice): void {
  const hash = chosenHash(pathAlgorithm, sent);
  if (!SIGNATURE_HASHES.includes(hash)) throw unknownHash(hash);
  const marshaling = sent.marshaling_algorithm ?? "asn1";
  if (!MARSHALINGS.includes(marshaling)) {
    throw invalidRequest(`invalid marshaling type ${quoteText(marshaling)}`);
  }
  refuseSaltLength(sent.salt_length ?? "auto");
}

export function unknownHash(name: string): Error {
  return invalidRequest(`invalid hash algorithm ${quoteText(name)}`);
}

function refuseSaltLength(sent: string): void {
  if (["auto", "hash"].includes(sent.toLowerCase())) return;
  if (!/^[+-]?\d{1,15}$/.test(sent)) {
    throw invalidRequest(`salt length neither 'auto', 'hash', nor an int: ${sent}`);
  }
  if (Number(sent) < PSS_SALT_LENGTH_MIN) {
    throw invalidRequest(`salt length is invalid: ${Number(sent)}`);
  }
}

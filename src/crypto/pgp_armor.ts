/**
 * Removes the ASCII armor of a PGP key (RFC 9580 section 6.2). Pure, and linear in the text.
 * Ignores the checksum, as the RFC requires: the packets' own signatures prove more.
 */

import { decodeBase64 } from "./bytes.ts";

const BEGIN = "-----BEGIN PGP ";
const KEY_BLOCK = /^-----BEGIN PGP (?:PUBLIC|PRIVATE) KEY BLOCK-----$/;
const END_LINE = /^-----END PGP [A-Z ,/0-9]{1,40}-----$/;
const HEADER = /^[^\s:][^:]*: /;
const CHECKSUM = /^=[A-Za-z0-9+/]{4}$/;

export type Unarmored =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Not a readable block of a key. */
  | { readonly kind: "malformed" }
  /** `reason`: why the blocks are not exactly one key. */
  | { readonly kind: "several"; readonly reason: string };

export function isArmored(text: string): boolean {
  return text.startsWith(BEGIN);
}

/** `text` begins with an armor's first line. */
export function unarmorKey(text: string): Unarmored {
  const begins = text.split(BEGIN).slice(1);
  if (begins.length > 1) return { kind: "several", reason: describeBlocks(begins) };
  const lines = text.split("\n").map((line) => line.trimEnd());
  const [first = "", ...rest] = lines;
  const blank = rest.indexOf("");
  const end = rest.findIndex((line) => END_LINE.test(line));
  const headers = rest.slice(0, blank);
  if (!KEY_BLOCK.test(first) || blank === -1 || end < blank) return { kind: "malformed" };
  if (!headers.every((line) => HEADER.test(line))) return { kind: "malformed" };
  const body = rest.slice(blank + 1, end).filter((line) => !CHECKSUM.test(line));
  const bytes = decodeBase64(body.join(""));
  return bytes === null ? { kind: "malformed" } : { kind: "bytes", bytes };
}

function describeBlocks(begins: readonly string[]): string {
  if (begins.some((rest) => rest.startsWith("PRIVATE KEY"))) {
    return "a private key: give the public key";
  }
  const areKeys = begins.every((rest) => rest.startsWith("PUBLIC KEY"));
  return `${begins.length} ${areKeys ? "keys" : "armored blocks"}: give exactly one`;
}

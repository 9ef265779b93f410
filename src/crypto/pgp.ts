/**
 * Encrypts shares to their holders' PGP keys: the port, and the checks on a key's text that need no
 * PGP code. The library is large and most vaults never need it, so the adapter is imported when the
 * first key arrives. Takes public keys only; never decrypts or signs.
 */

import { PGP_KEY_TEXT_MAX_CHARS, PGP_SIGNATURES_MAX } from "../limits.ts";
import { decodeBase64 } from "./bytes.ts";
import { isArmored, unarmorKey } from "./pgp_armor.ts";
import { NOT_A_KEY, type PgpKeyParse } from "./pgp_key.ts";

/** The packets in a key text, or why it has none. */
type Decoded =
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | Exclude<PgpKeyParse, { kind: "ok" | "excessive" }>;

/**
 * Reads a key given as standard base64 of the binary key (line breaks allowed), as ASCII armor, or
 * as base64 of ASCII armor, and tries to encrypt to it. `encryptionKeyFingerprint` names the subkey
 * or primary key to encrypt to; null chooses the newest subkey that can encrypt, else the primary
 * key. A certificate that can no longer encrypt to the named key is `unusable`. `signaturesMax`
 * bounds the certificate's own signatures, in addition to `PGP_SIGNATURES_MAX`.
 */
export async function parsePgpKey(
  text: string,
  encryptionKeyFingerprint: string | null = null,
  signaturesMax: number = PGP_SIGNATURES_MAX,
): Promise<PgpKeyParse> {
  const material = decodeKeyText(text);
  if (material.kind !== "binary") return material;
  const { loadPgpKey } = await import("./openpgp_adapter.ts");
  return await loadPgpKey(material.bytes, encryptionKeyFingerprint, signaturesMax);
}

function decodeKeyText(text: string): Decoded {
  if (text.length > PGP_KEY_TEXT_MAX_CHARS) {
    return {
      kind: "unparsable",
      reason: `key text is longer than ${PGP_KEY_TEXT_MAX_CHARS} characters`,
    };
  }
  const trimmed = text.trim();
  if (isArmored(trimmed)) return decodeArmor(trimmed);
  const bytes = decodeBase64(trimmed);
  if (bytes === null) return { kind: "undecodable", reason: "neither base64 nor ASCII armor" };
  const armor = new TextDecoder().decode(bytes).trimStart();
  if (isArmored(armor)) return decodeArmor(armor);
  if (bytes.length === 0) return { kind: "unparsable", reason: "key is empty" };
  return { kind: "binary", bytes };
}

function decodeArmor(text: string): Decoded {
  const unarmored = unarmorKey(text);
  switch (unarmored.kind) {
    case "bytes":
      return { kind: "binary", bytes: unarmored.bytes };
    case "malformed":
      return { kind: "unparsable", reason: NOT_A_KEY };
    case "several":
      return { kind: "unparsable", reason: unarmored.reason };
  }
}

/**
 * Encrypting shares to their holders' PGP keys: the port, and what may be told about a key text
 * before any PGP code is loaded. The library is large and most vaults never need it, so the adapter
 * is imported when the first key arrives. Public keys only: nothing here decrypts or signs.
 */

import { PGP_KEY_TEXT_MAX_CHARS, PGP_SIGNATURES_MAX } from "../limits.ts";
import { decodeBase64 } from "./bytes.ts";
import { isArmored, unarmorKey } from "./pgp_armor.ts";

/** A key that has encrypted once already, so a later failure means it expired since. */
export interface PgpKey {
  /** Of the primary key, lower-case hex: 40 digits for a version 4 key. */
  readonly fingerprint: string;
  /**
   * Of the key that `encrypt` encrypts to, and no other: mostly a subkey, or the primary key itself.
   * 40 or 64 digits like `fingerprint`, which says nothing about it: a certificate keeps its
   * fingerprint while its subkeys change.
   */
  readonly encryptionKeyFingerprint: string;
  /** The key in the one form that is stored and that `parsePgpKey` takes back. */
  readonly binaryBase64: string;
  /** How many signatures of its own it carries, each of which may have been checked. */
  readonly ownSignatures: number;
  /**
   * A binary OpenPGP message that gpg and Go read: PKESK v3, SEIPD v1 with MDC, one UTF-8 literal
   * without name or date; not compressed, not signed. Line ends become CR LF, so `text` should have
   * none. Rejects with `VaultError("invalid_request")` when the key has become unusable.
   */
  encrypt(text: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** `reason` is a clause for the caller to complete; it never quotes the text that was given. */
export type PgpKeyParse =
  | { readonly kind: "ok"; readonly key: PgpKey }
  /** Neither standard base64 nor ASCII armor. */
  | { readonly kind: "undecodable"; readonly reason: string }
  /** Decodes, but is not exactly one PGP public key. */
  | { readonly kind: "unparsable"; readonly reason: string }
  /** A public key to which nothing can be encrypted: sign-only, expired, revoked, too weak. */
  | { readonly kind: "unusable"; readonly reason: string }
  /** Carries more signatures of its own than the caller can still take. */
  | { readonly kind: "excessive"; readonly reason: string };

/** The packets of the text, or why there are none. */
type Decoded =
  | { readonly kind: "binary"; readonly bytes: Uint8Array }
  | Exclude<PgpKeyParse, { kind: "ok" | "excessive" }>;

/** Of text that decodes to no packets of a key. */
export const NOT_A_KEY = "not an OpenPGP public key";

/**
 * Reads a key given as standard base64 of the binary key (line breaks tolerated), as ASCII armor, or
 * as base64 of ASCII armor, and tries to encrypt to it. `encryptionKeyFingerprint` names the subkey
 * or primary key that must be encrypted to; null chooses the newest subkey that can encrypt, else
 * the primary key. A key that can no longer encrypt to the named one is `unusable`. `signaturesMax`
 * bounds the signatures of its own, beyond what holds for every key.
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

/**
 * Encrypting shares to their holders' PGP keys: the port, and what may be told about a key text
 * before any PGP code is loaded. The library is large and most vaults never need it, so the adapter
 * is imported when the first key arrives. Public keys only: nothing here decrypts or signs.
 */

import { decodeBase64 } from "./bytes.ts";

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
  | { readonly kind: "unusable"; readonly reason: string };

/** What the adapter is given: one or the other form of the same packets. */
export type PgpKeyMaterial =
  | { readonly kind: "armored"; readonly text: string }
  | { readonly kind: "binary"; readonly bytes: Uint8Array };

type Unarmored = PgpKeyMaterial | Exclude<PgpKeyParse, { kind: "ok" }>;

/** A key with many third-party signatures stays below; parsing costs more than its length. */
const KEY_TEXT_MAX_CHARACTERS = 256 * 1024;
const ARMOR_START = "-----BEGIN PGP ";

/**
 * Reads a key given as standard base64 of the binary key (line breaks tolerated), as ASCII armor, or
 * as base64 of ASCII armor, and tries to encrypt to it. `encryptionKeyFingerprint` names the subkey
 * or primary key that must be encrypted to; null chooses the newest subkey that can encrypt, else
 * the primary key. A key that can no longer encrypt to the named one is `unusable`.
 */
export async function parsePgpKey(
  text: string,
  encryptionKeyFingerprint: string | null = null,
): Promise<PgpKeyParse> {
  const material = decodeKeyText(text);
  if (material.kind !== "armored" && material.kind !== "binary") return material;
  const { loadPgpKey } = await import("./openpgp_adapter.ts");
  return await loadPgpKey(material, encryptionKeyFingerprint);
}

function decodeKeyText(text: string): Unarmored {
  if (text.length > KEY_TEXT_MAX_CHARACTERS) {
    return {
      kind: "unparsable",
      reason: `key text is longer than ${KEY_TEXT_MAX_CHARACTERS} characters`,
    };
  }
  const trimmed = text.trim();
  if (trimmed.startsWith(ARMOR_START)) return { kind: "armored", text: trimmed };
  const bytes = decodeBase64(trimmed);
  if (bytes === null) return { kind: "undecodable", reason: "neither base64 nor ASCII armor" };
  const armor = new TextDecoder().decode(bytes).trimStart();
  if (armor.startsWith(ARMOR_START)) return { kind: "armored", text: armor };
  if (bytes.length === 0) return { kind: "unparsable", reason: "key is empty" };
  return { kind: "binary", bytes };
}

/** A PGP key that shares are encrypted to, and what reading one may find. */

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

/** Of text that decodes to no packets of a key. */
export const NOT_A_KEY = "not an OpenPGP public key";

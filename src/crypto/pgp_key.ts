/** A PGP key to encrypt shares to, and the outcomes of parsing one. */

/** A key that has already encrypted once, so a later failure means that it has expired since. */
export interface PgpKey {
  /** Fingerprint of the primary key, lower-case hex: 40 digits for a version 4 key. */
  readonly fingerprint: string;
  /**
   * Fingerprint of the one key that `encrypt` uses: usually a subkey, else the primary key. 40 or
   * 64 digits. `fingerprint` does not imply it: a certificate keeps its fingerprint while its
   * subkeys change.
   */
  readonly encryptionKeyFingerprint: string;
  /** The key in the form that is stored and that `parsePgpKey` accepts. */
  readonly binaryBase64: string;
  /** Number of the key's own signatures, each of which may have been checked. */
  readonly ownSignatures: number;
  /**
   * A binary OpenPGP message for gpg and Go: PKESK v3, SEIPD v1 with MDC, one UTF-8 literal without
   * name or date, neither compressed nor signed. Line ends become CR LF, so `text` should have
   * none. Rejects with `VaultError("invalid_request")` if the key has become unusable.
   */
  encrypt(text: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** `reason` is a clause for the caller's sentence. It never quotes the given text. */
export type PgpKeyParse =
  | { readonly kind: "ok"; readonly key: PgpKey }
  /** Neither standard base64 nor ASCII armor. */
  | { readonly kind: "undecodable"; readonly reason: string }
  /** Decodes, but is not exactly one PGP public key. */
  | { readonly kind: "unparsable"; readonly reason: string }
  /** A public key that cannot encrypt: sign-only, expired, revoked or too weak. */
  | { readonly kind: "unusable"; readonly reason: string }
  /** Carries more of its own signatures than the caller accepts. */
  | { readonly kind: "excessive"; readonly reason: string };

/** The reason for text that does not decode to the packets of a key. */
export const NOT_A_KEY = "not an OpenPGP public key";

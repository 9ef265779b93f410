/** The digest of what a holder agrees to by giving a share. Pure. */

import { encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import type { CeremonyParameters } from "./state.ts";

/**
 * Lower-case hex SHA-256 of a JSON list without blanks: shares, threshold, the fingerprints of the
 * PGP keys and of the subkeys to encrypt to (each a list in share order, or null without PGP),
 * backup, require_verification, verify_all. README.md tells holders how to compute it themselves.
 */
export function parametersDigest(parameters: CeremonyParameters): string {
  const { shares, threshold, recipients, backup, requireVerification, verifyAll } = parameters;
  const keys = recipients?.map(({ fingerprint }) => fingerprint) ?? null;
  // A certificate keeps its fingerprint when subkeys are removed, replaced or added.
  const subkeys = recipients?.map((each) => each.encryptionKeyFingerprint) ?? null;
  const agreed = [shares, threshold, keys, subkeys, backup, requireVerification, verifyAll];
  return encodeHex(sha256(encodeUtf8(JSON.stringify(agreed))));
}

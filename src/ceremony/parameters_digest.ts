/** What a holder agrees to by giving a share, as one digest. Pure. */

import { encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { sha256 } from "../crypto/digest.ts";
import type { CeremonyParameters } from "./state.ts";

/**
 * Lower-case hex SHA-256 over what a holder agrees to by giving a share, as a JSON list without
 * blanks: shares, threshold, the fingerprints of the PGP keys and those of the subkeys that are
 * encrypted to (each a list in share order, or null without PGP), backup, require_verification,
 * verify_all. README.md tells holders to make it themselves.
 */
export function parametersDigest(parameters: CeremonyParameters): string {
  const { shares, threshold, recipients, backup, requireVerification, verifyAll } = parameters;
  const keys = recipients?.map(({ fingerprint }) => fingerprint) ?? null;
  // A certificate keeps its fingerprint while somebody removes, replaces or adds subkeys.
  const subkeys = recipients?.map((each) => each.encryptionKeyFingerprint) ?? null;
  const agreed = [shares, threshold, keys, subkeys, backup, requireVerification, verifyAll];
  return encodeHex(sha256(encodeUtf8(JSON.stringify(agreed))));
}

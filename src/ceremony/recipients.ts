/**
 * The PGP keys of a ceremony: checked before anyone gives a share, and used when the new shares are
 * handed out.
 */

import { encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { parsePgpKey, type PgpKey } from "../crypto/pgp.ts";
import { invalidRequest, unreachable } from "../errors.ts";
import type { PgpRecipient } from "./state.ts";

/**
 * Parses one key and proves by a trial encryption that it can encrypt. `configuration` is the
 * message's beginning for a key that cannot be read, `field` for one that cannot encrypt.
 */
export async function checkPgpKey(
  text: string,
  configuration: string,
  field: string,
): Promise<PgpKey> {
  const parsed = await parsePgpKey(text);
  switch (parsed.kind) {
    case "ok":
      return parsed.key;
    case "undecodable":
      throw invalidRequest(`${configuration}error decoding given PGP key: ${parsed.reason}`);
    case "unparsable":
      throw invalidRequest(`${configuration}error parsing given PGP key: ${parsed.reason}`);
    case "unusable":
      throw invalidRequest(`${field}: ${parsed.reason}`);
    default:
      return unreachable(parsed);
  }
}

/** All keys of a request, in share order; null when none were given. */
export async function checkRecipients(
  texts: readonly string[] | null,
  configuration: string,
): Promise<readonly PgpRecipient[] | null> {
  if (texts === null || texts.length === 0) return null;
  const recipients: PgpRecipient[] = [];
  for (const [index, text] of texts.entries()) {
    const key = await checkPgpKey(text, configuration, `pgp_keys[${index}]`);
    recipients.push({ fingerprint: key.fingerprint, key: key.binaryBase64 });
  }
  return recipients;
}

/** The shares' hexadecimal text (what Vault's holders decrypt), each encrypted to its holder. */
export async function encryptShares(
  shares: readonly Uint8Array[],
  recipients: readonly PgpRecipient[],
): Promise<readonly Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for (const [index, recipient] of recipients.entries()) {
    const share = shares[index];
    if (share === undefined) throw new RangeError("fewer shares than recipients");
    const key = await checkPgpKey(recipient.key, "", `pgp_keys[${index}]`);
    messages.push(await key.encrypt(encodeHex(share)));
  }
  return messages;
}

/** Fingerprint → PGP messages in hex; one holder may hold several shares. */
export function sharesByFingerprint(
  recipients: readonly PgpRecipient[],
  encryptedShares: readonly string[],
): Readonly<Record<string, readonly string[]>> {
  const byFingerprint: Record<string, string[]> = {};
  for (const [index, recipient] of recipients.entries()) {
    const message = encryptedShares[index];
    if (message !== undefined) (byFingerprint[recipient.fingerprint] ??= []).push(message);
  }
  return byFingerprint;
}

export interface ShareBackup {
  /** UUID of the ceremony that made the shares. */
  readonly ceremonyId: string;
  readonly shares: Readonly<Record<string, readonly string[]>>;
  /** A later rekey has made these shares void. */
  readonly stale: boolean;
}

export function encodeShareBackup(backup: ShareBackup): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({
    version: 1,
    ceremony_id: backup.ceremonyId,
    shares: backup.shares,
    stale: backup.stale,
  }));
}

export function decodeShareBackup(bytes: Uint8Array): ShareBackup {
  const json = JSON.parse(new TextDecoder().decode(bytes)) as {
    ceremony_id: string;
    shares: Record<string, string[]>;
    stale: boolean;
  };
  return { ceremonyId: json.ceremony_id, shares: json.shares, stale: json.stale };
}

/** The PGP keys of a ceremony: checked at the start and used when the new shares are handed out. */

import { encodeHex, encodeUtf8 } from "../crypto/bytes.ts";
import { pause } from "../crypto/pause.ts";
import { parsePgpKey } from "../crypto/pgp.ts";
import type { PgpKey } from "../crypto/pgp_key.ts";
import { invalidRequest, unreachable } from "../errors.ts";
import { PGP_REQUEST_SIGNATURES_MAX } from "../limits.ts";
import type { Log } from "../log.ts";
import type { PgpRecipient } from "./state.ts";

/**
 * Parses one key and proves by a trial encryption that it can encrypt, to the subkey or primary key
 * of `encryptionKeyFingerprint` unless that is null. Throws `invalid_request`, with a message that
 * begins with `configuration` for an unreadable key and with `field` for one that cannot encrypt.
 * `signaturesMax` is the rest of `PGP_REQUEST_SIGNATURES_MAX`.
 */
export async function checkPgpKey(
  text: string,
  configuration: string,
  field: string,
  encryptionKeyFingerprint: string | null = null,
  signaturesMax?: number,
): Promise<PgpKey> {
  const parsed = await parsePgpKey(text, encryptionKeyFingerprint, signaturesMax);
  switch (parsed.kind) {
    case "ok":
      return parsed.key;
    case "undecodable":
      throw invalidRequest(`${configuration}error decoding given PGP key: ${parsed.reason}`);
    case "unparsable":
      throw invalidRequest(`${configuration}error parsing given PGP key: ${parsed.reason}`);
    case "unusable":
      throw invalidRequest(`${field}: ${parsed.reason}`);
    case "excessive":
      throw invalidRequest(
        `${field}: the keys up to this one carry more than ` +
          `${PGP_REQUEST_SIGNATURES_MAX} signatures of their own: export minimal keys`,
      );
    default:
      return unreachable(parsed);
  }
}

/** Checks all keys of a request, in share order. Null if none were given. */
export async function checkRecipients(
  texts: readonly string[] | null,
  configuration: string,
): Promise<readonly PgpRecipient[] | null> {
  if (texts === null || texts.length === 0) return null;
  const recipients: PgpRecipient[] = [];
  let signatures = 0;
  for (const [index, text] of texts.entries()) {
    const left = PGP_REQUEST_SIGNATURES_MAX - signatures;
    const key = await checkPgpKey(text, configuration, `pgp_keys[${index}]`, null, left);
    signatures += key.ownSignatures;
    // The trial encryption blocks this thread too.
    await pause();
    recipients.push(recipientOf(key));
  }
  return recipients;
}

/** A checked key, with its chosen encryption key. */
export function recipientOf(key: PgpKey): PgpRecipient {
  const { fingerprint, encryptionKeyFingerprint, binaryBase64 } = key;
  return { fingerprint, encryptionKeyFingerprint, key: binaryBase64 };
}

/** Encrypts to the key chosen at the start. Throws `invalid_request` if it no longer can. */
export async function encryptTo(
  recipient: PgpRecipient,
  field: string,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await checkPgpKey(recipient.key, "", field, recipient.encryptionKeyFingerprint);
  return await key.encrypt(text);
}

/**
 * Groups of two or more recipients whose messages one private key can read, by place in share
 * order: those with the same certificate, or with certificates that share the encryption key.
 */
export function sameHolders(recipients: readonly PgpRecipient[]): readonly (readonly number[])[] {
  const groups = new Map<string, ReadonlySet<number>>();
  const keysOf = (place: number): readonly string[] => {
    const recipient = recipients[place];
    return recipient === undefined
      ? []
      : [recipient.fingerprint, recipient.encryptionKeyFingerprint];
  };
  for (const place of recipients.keys()) {
    const known = keysOf(place).flatMap((key) => [...groups.get(key) ?? []]);
    const group = new Set([...known, place]);
    for (const key of [...group].flatMap(keysOf)) groups.set(key, group);
  }
  return [...new Set(groups.values())]
    .filter(({ size }) => size > 1)
    .map((group) => [...group].sort((left, right) => left - right));
}

/** Warnings about keys given more than once, one sentence per group. */
export function sameHolderWarnings(recipients: readonly PgpRecipient[] | null): readonly string[] {
  return sameHolders(recipients ?? []).map((places) =>
    `the PGP keys at places ${places.join(", ")} (counted from 0) are the same, or share their ` +
    "encryption key: one person can read all shares that are encrypted to them"
  );
}

/** Logs the recipients. Fingerprints are public. */
export function logRecipients(log: Log, recipients: readonly PgpRecipient[] | null): void {
  if (recipients === null) return;
  log.info("encrypting to PGP keys", {
    pgp_fingerprints: recipients.map(({ fingerprint }) => fingerprint).join(","),
    pgp_subkey_fingerprints: recipients.map((each) => each.encryptionKeyFingerprint).join(","),
  });
  for (const warning of sameHolderWarnings(recipients)) log.warn(warning);
}

/** Encrypts each share to its holder, as hexadecimal text like Vault. */
export async function encryptShares(
  shares: readonly Uint8Array[],
  recipients: readonly PgpRecipient[],
): Promise<readonly Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for (const [index, recipient] of recipients.entries()) {
    const share = shares[index];
    if (share === undefined) throw new RangeError("fewer shares than recipients");
    messages.push(await encryptTo(recipient, `pgp_keys[${index}]`, encodeHex(share)));
  }
  return messages;
}

/** Fingerprint → PGP messages in hex. A holder may have several shares. */
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
  /** Whether a later rekey has voided these shares. */
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

/**
 * The stored form of an attempt. It holds no share in force and no key, and during a verification
 * fewer new shares than make the new key. It is only written through barrier and seal. Sealing by
 * request and every end of the attempt remove it.
 */

import { decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from "../crypto/bytes.ts";
import { unreachable, VaultError } from "../errors.ts";
import type { CeremonyHead, CeremonyState, KeyCheck, PendingKey, ShareChecks } from "./state.ts";
import { type Share, share } from "../crypto/keys.ts";
import { SUBMITTED_KEY_MAX_BYTES, SUBMITTED_KEY_MIN_BYTES } from "../limits.ts";

interface ChecksJson {
  readonly salt: string;
  readonly macs: readonly string[];
}

interface PendingKeyJson {
  readonly checks: ChecksJson;
  readonly key_check: { readonly salt: string; readonly mac: string };
  readonly encrypted_shares: readonly string[] | null;
  readonly backup: boolean;
  readonly confirmed: readonly string[];
}

const VERSION = 2;

type CeremonyJson =
  | {
    readonly version: typeof VERSION;
    readonly phase: "gathering";
    readonly head: CeremonyHead;
    readonly given: readonly number[];
    readonly early_verification_id: string | null;
  }
  | {
    readonly version: typeof VERSION;
    readonly phase: "verifying";
    readonly head: CeremonyHead;
    readonly verification_id: string;
    readonly verified: readonly number[];
    readonly kept: readonly string[];
    readonly pending: PendingKeyJson;
  };

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64(text);
  if (bytes === null) {
    throw new VaultError("record_malformed", "a ceremony record holds malformed base64");
  }
  return bytes;
}

function shareOf(text: string): Share {
  const bytes = bytesOf(text);
  if (bytes.length < SUBMITTED_KEY_MIN_BYTES || bytes.length > SUBMITTED_KEY_MAX_BYTES) {
    throw new VaultError("record_malformed", "a ceremony record holds a share of wrong length");
  }
  return share(bytes);
}

export function encodeShareChecks(checks: ShareChecks): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify(checksJson(checks)));
}

export function decodeShareChecks(bytes: Uint8Array): ShareChecks {
  return checksOf(JSON.parse(decodeUtf8(bytes)) as ChecksJson);
}

function checksJson(checks: ShareChecks): ChecksJson {
  return { salt: encodeBase64(checks.salt), macs: checks.macs.map(encodeBase64) };
}

function checksOf(json: ChecksJson): ShareChecks {
  return { salt: bytesOf(json.salt), macs: json.macs.map(bytesOf) };
}

function pendingJson(pending: PendingKey): PendingKeyJson {
  const { checks, keyCheck, encryptedShares, backup, confirmed } = pending;
  return {
    checks: checksJson(checks),
    key_check: { salt: encodeBase64(keyCheck.salt), mac: encodeBase64(keyCheck.mac) },
    encrypted_shares: encryptedShares,
    backup,
    confirmed,
  };
}

function pendingOf(json: PendingKeyJson): PendingKey {
  const keyCheck: KeyCheck = {
    salt: bytesOf(json.key_check.salt),
    mac: bytesOf(json.key_check.mac),
  };
  const { encrypted_shares: encryptedShares, backup, confirmed } = json;
  return { checks: checksOf(json.checks), keyCheck, encryptedShares, backup, confirmed };
}

/** Null for an idle state, which has no record. */
export function encodeCeremony(state: CeremonyState): Uint8Array<ArrayBuffer> | null {
  const json = ceremonyJson(state);
  return json === null ? null : encodeUtf8(JSON.stringify(json));
}

function ceremonyJson(state: CeremonyState): CeremonyJson | null {
  switch (state.phase) {
    case "idle":
      return null;
    case "gathering":
      return {
        version: VERSION,
        phase: "gathering",
        head: state.head,
        given: state.given,
        early_verification_id: state.earlyVerificationId,
      };
    case "verifying":
      return {
        version: VERSION,
        phase: "verifying",
        head: state.head,
        verification_id: state.verificationId,
        verified: state.verified,
        kept: state.kept.map(encodeBase64),
        pending: pendingJson(state.pending),
      };
    default:
      return unreachable(state);
  }
}

export function decodeCeremony(bytes: Uint8Array): CeremonyState {
  const json = JSON.parse(decodeUtf8(bytes)) as CeremonyJson;
  if (json.version !== VERSION) {
    throw new VaultError("record_malformed", "a ceremony record has an unknown version");
  }
  switch (json.phase) {
    case "gathering":
      return {
        phase: "gathering",
        head: json.head,
        given: json.given,
        earlyVerificationId: json.early_verification_id,
      };
    case "verifying":
      return {
        phase: "verifying",
        head: json.head,
        verificationId: json.verification_id,
        verified: json.verified,
        kept: json.kept.map(shareOf),
        pending: pendingOf(json.pending),
      };
    default:
      return unreachable(json);
  }
}

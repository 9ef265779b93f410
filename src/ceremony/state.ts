/**
 * The states of a rekey attempt. One machine serves both targets, `barrier` and `recovery`, and
 * both path families of the API meet the same state.
 */

import type { Share } from "../crypto/keys.ts";
import { SEAL_KINDS } from "../seal/kinds.ts";
import type { SealKind } from "../seal/seal_kind.ts";

export type CeremonyTarget = "barrier" | "recovery";

/** The target whose shares authorise ceremonies under a kind of seal. */
export function authorisingTarget(kind: SealKind): CeremonyTarget {
  return SEAL_KINDS[kind].authorisedBy === "unseal" ? "barrier" : "recovery";
}

export interface PgpRecipient {
  /** Lower-case hex fingerprint of the primary key. */
  readonly fingerprint: string;
  /** The same of the subkey or primary key to encrypt to, which was chosen at the start. */
  readonly encryptionKeyFingerprint: string;
  /** The binary public key in base64, as it was checked at the start. */
  readonly key: string;
}

export interface CeremonyParameters {
  /** 1 to 255; 1 if the target hands out no shares. */
  readonly shares: number;
  readonly threshold: number;
  /** In share order; null if shares are returned in clear. */
  readonly recipients: readonly PgpRecipient[] | null;
  readonly backup: boolean;
  readonly requireVerification: boolean;
  /** Whether verification needs every new share rather than a quorum. */
  readonly verifyAll: boolean;
}

export interface CeremonyHead {
  /** A UUID; the wire's `nonce`. */
  readonly ceremonyId: string;
  readonly parameters: CeremonyParameters;
  /** Number of shares in force that authorise the change. Renewed when those shares change. */
  readonly required: number;
  readonly startedAtMs: number;
  /** Accessor of the token that started it; null if none did. */
  readonly startedBy: string | null;
  readonly expiresAtMs: number;
}

/**
 * A new key that is not in force yet, though its shares were handed out. The key itself is not
 * stored: the shares that come back make it again.
 */
export interface PendingKey {
  readonly checks: ShareChecks;
  readonly keyCheck: KeyCheck;
  /** PGP messages in share order, lower-case hex; null without PGP. */
  readonly encryptedShares: readonly string[] | null;
  /** Whether the messages become the backup: one was requested and not deleted meanwhile. */
  readonly backup: boolean;
  /** Fingerprints of the holders who have confirmed their messages. */
  readonly confirmed: readonly string[];
}

/** Keyed check values, one per share, under the key for `salt`. */
export interface ShareChecks {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly macs: readonly Uint8Array<ArrayBuffer>[];
}

/** Keyed check value of a key, which recognises it without storing it. */
export interface KeyCheck {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly mac: Uint8Array<ArrayBuffer>;
}

export type CeremonyState =
  | { readonly phase: "idle" }
  | {
    readonly phase: "gathering";
    readonly head: CeremonyHead;
    /** Places of the given shares in share order, each once. The shares are not kept. */
    readonly given: readonly number[];
    /** Set by a DELETE of verify before verification has begun, as in the reference. */
    readonly earlyVerificationId: string | null;
  }
  | {
    readonly phase: "verifying";
    readonly head: CeremonyHead;
    readonly verificationId: string;
    /** Places of the new shares that came back, in share order, each once. */
    readonly verified: readonly number[];
    /** The first of those shares, fewer than the threshold, so that they reveal nothing. */
    readonly kept: readonly Share[];
    readonly pending: PendingKey;
  };

export const IDLE: CeremonyState = { phase: "idle" };

/** Number of new shares that verification needs before the new key is installed. */
export function verificationsRequired(parameters: CeremonyParameters): number {
  return parameters.verifyAll ? parameters.shares : parameters.threshold;
}

/**
 * The states of a rekey attempt. There is one machine; `barrier` and `recovery` are two targets of
 * it, and whichever path family a request comes through, it meets the same state.
 */

import type { Share } from "../crypto/keys.ts";

export type CeremonyTarget = "barrier" | "recovery";

export interface PgpRecipient {
  /** Lower-case hex of the primary key. */
  readonly fingerprint: string;
  /** Lower-case hex of the subkey, or primary key, that is encrypted to: chosen at the start. */
  readonly encryptionKeyFingerprint: string;
  /** The binary public key in base64, as it was checked at the start. */
  readonly key: string;
}

export interface CeremonyParameters {
  /** 1 to 255; 1 when the target hands out no shares. */
  readonly shares: number;
  readonly threshold: number;
  /** In share order; null when shares are returned in clear. */
  readonly recipients: readonly PgpRecipient[] | null;
  readonly backup: boolean;
  readonly requireVerification: boolean;
  /** Verification asks for every new share, not for a quorum. */
  readonly verifyAll: boolean;
}

export interface CeremonyHead {
  /** UUID, the wire's `nonce`. */
  readonly ceremonyId: string;
  readonly parameters: CeremonyParameters;
  /** Shares of the key in force that authorise the change; fixed at the start. */
  readonly required: number;
  readonly startedAtMs: number;
  /** Accessor of the token that started it; null without a token. */
  readonly startedBy: string | null;
  readonly expiresAtMs: number;
}

/**
 * A new key whose shares were handed out, but which is not in force yet. The key itself is no part of
 * it: the shares that come back make it again.
 */
export interface PendingKey {
  readonly checks: ShareChecks;
  readonly keyCheck: KeyCheck;
  /** PGP messages in share order, lower-case hex; null without PGP. */
  readonly encryptedShares: readonly string[] | null;
  /** The messages become the backup; false when none was asked for or it was deleted meanwhile. */
  readonly backup: boolean;
  /** Fingerprints of the holders who have confirmed their messages already. */
  readonly confirmed: readonly string[];
}

/** Keyed check values, one per share, under a key that the salt selects. */
export interface ShareChecks {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly macs: readonly Uint8Array<ArrayBuffer>[];
}

/** Keyed check value of a key, to know it again without keeping it. */
export interface KeyCheck {
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly mac: Uint8Array<ArrayBuffer>;
}

export type CeremonyState =
  | { readonly phase: "idle" }
  | {
    readonly phase: "gathering";
    readonly head: CeremonyHead;
    /** Which shares in force were given: their places in share order, each once. No share is kept. */
    readonly given: readonly number[];
    /** Made up by a DELETE of verify before verification has begun, as the reference does. */
    readonly earlyVerificationId: string | null;
  }
  | {
    readonly phase: "verifying";
    readonly head: CeremonyHead;
    readonly verificationId: string;
    /** Which new shares came back: their places in share order, each once. */
    readonly verified: readonly number[];
    /** The first of them in full, fewer than the threshold: together they say nothing of the key. */
    readonly kept: readonly Share[];
    readonly pending: PendingKey;
  };

export const IDLE: CeremonyState = { phase: "idle" };

/** New shares that verification wants before the new key is installed. */
export function verificationsRequired(parameters: CeremonyParameters): number {
  return parameters.verifyAll ? parameters.shares : parameters.threshold;
}

/**
 * The ceremony's rules as one pure function: no store, no crypto, no clock. The caller looks up
 * beforehand whether a submitted share is an expected one. No returned state has enough new shares
 * to make the new key.
 */

import { unreachable } from "../errors.ts";
import {
  type CeremonyHead,
  type CeremonyState,
  IDLE,
  type PendingKey,
  verificationsRequired,
} from "./state.ts";
import type { Share } from "../crypto/keys.ts";

export type CeremonyEvent =
  | { readonly kind: "start"; readonly head: CeremonyHead }
  | { readonly kind: "submit"; readonly submission: Submission }
  | { readonly kind: "verify"; readonly submission: NewShareSubmission }
  | { readonly kind: "restart_verification"; readonly verificationId: string }
  | { readonly kind: "cancel" };

export interface Submission {
  /**
   * Place, in share order, of the share whose check value matched, or null if none did: among those
   * in force for `submit`, among the new ones for `verify`.
   */
  readonly place: number | null;
  /** The wire's `nonce` as sent; "" if missing. */
  readonly id: string;
  /** False if the holder sent a `params_digest` that is not this attempt's. */
  readonly parametersSeen: boolean;
}

export interface NewShareSubmission extends Submission {
  readonly share: Share;
}

export type Refusal =
  | { readonly code: "already_in_progress" }
  | { readonly code: "not_in_progress" }
  | { readonly code: "verification_not_in_progress" }
  | { readonly code: "already_finished"; readonly verificationId: string }
  | { readonly code: "wrong_ceremony_id"; readonly expected: string }
  | { readonly code: "wrong_verification_id"; readonly expected: string }
  | { readonly code: "parameters_changed" }
  | { readonly code: "duplicate_share" }
  | { readonly code: "duplicate_new_share" }
  | { readonly code: "unknown_share" }
  | { readonly code: "unknown_new_share" };

export type Outcome =
  | { readonly kind: "advanced"; readonly state: CeremonyState }
  /** The quorum is complete. The effects decide the next state. */
  | { readonly kind: "quorum" }
  /** `shares` are as many new shares as the threshold, even if every one had to come back. */
  | { readonly kind: "verified"; readonly shares: readonly Share[] }
  | { readonly kind: "refused"; readonly refusal: Refusal };

function refused(refusal: Refusal): Outcome {
  return { kind: "refused", refusal };
}

export function step(state: CeremonyState, event: CeremonyEvent): Outcome {
  switch (event.kind) {
    case "start":
      if (state.phase !== "idle") return refused({ code: "already_in_progress" });
      return {
        kind: "advanced",
        state: { phase: "gathering", head: event.head, given: [], earlyVerificationId: null },
      };
    case "submit":
      return submit(state, event.submission);
    case "verify":
      return verify(state, event.submission);
    case "restart_verification":
      return restartVerification(state, event.verificationId);
    case "cancel":
      return { kind: "advanced", state: IDLE };
    default:
      return unreachable(event);
  }
}

function submit(state: CeremonyState, submission: Submission): Outcome {
  if (state.phase === "idle") return refused({ code: "not_in_progress" });
  if (state.phase === "verifying") {
    return refused({ code: "already_finished", verificationId: state.verificationId });
  }
  const { head, given } = state;
  const { id, place, parametersSeen } = submission;
  if (id !== head.ceremonyId) {
    return refused({ code: "wrong_ceremony_id", expected: head.ceremonyId });
  }
  if (!parametersSeen) return refused({ code: "parameters_changed" });
  if (place === null) return refused({ code: "unknown_share" });
  if (given.includes(place)) return refused({ code: "duplicate_share" });
  const places = [...given, place];
  if (places.length >= head.required) return { kind: "quorum" };
  return { kind: "advanced", state: { ...state, given: places } };
}

function verify(state: CeremonyState, submission: NewShareSubmission): Outcome {
  if (state.phase === "idle") return refused({ code: "not_in_progress" });
  if (state.phase === "gathering") return refused({ code: "verification_not_in_progress" });
  const { head, verified, kept, verificationId } = state;
  const { share, place } = submission;
  if (submission.id !== verificationId) {
    return refused({ code: "wrong_verification_id", expected: verificationId });
  }
  if (!submission.parametersSeen) return refused({ code: "parameters_changed" });
  if (place === null) return refused({ code: "unknown_new_share" });
  if (verified.includes(place)) return refused({ code: "duplicate_new_share" });
  const places = [...verified, place];
  const shares = [...kept, share];
  if (places.length >= verificationsRequired(head.parameters)) return { kind: "verified", shares };
  const keeps = shares.length < head.parameters.threshold;
  return { kind: "advanced", state: { ...state, verified: places, kept: keeps ? shares : kept } };
}

function restartVerification(state: CeremonyState, verificationId: string): Outcome {
  switch (state.phase) {
    case "idle":
      return refused({ code: "not_in_progress" });
    case "gathering":
      return { kind: "advanced", state: { ...state, earlyVerificationId: verificationId } };
    case "verifying":
      return { kind: "advanced", state: { ...state, verificationId, verified: [], kept: [] } };
    default:
      return unreachable(state);
  }
}

/** The attempt without the given shares, after the shares in force have changed. */
export function withoutGiven(
  state: Extract<CeremonyState, { phase: "gathering" }>,
  required: number,
): CeremonyState {
  return { ...state, head: { ...state.head, required }, given: [] };
}

/** The state after a quorum whose new shares were handed out but must still be verified. */
export function beginVerification(
  head: CeremonyHead,
  verificationId: string,
  pending: PendingKey,
): CeremonyState {
  return { phase: "verifying", head, verificationId, verified: [], kept: [], pending };
}

/** Inputs and outcomes of a rekey attempt. Pure. */

import type { CeremonyHead, CeremonyState } from "./state.ts";
import type { Outcome, Refusal, Submission } from "./step.ts";
import { parametersDigest } from "./parameters_digest.ts";
import { unreachable } from "../errors.ts";
import type { Share } from "../crypto/keys.ts";

/** New shares for their holders. Empty if the target hands out none. */
export interface NewShares {
  readonly head: CeremonyHead;
  /** In share order: bare shares, or PGP messages if there are recipients. */
  readonly shares: readonly Uint8Array[];
  /** If not null, the new key takes force only after these shares are verified. */
  readonly verificationId: string | null;
}

export type RekeyOutcome =
  | { readonly kind: "advanced"; readonly state: CeremonyState }
  | { readonly kind: "shares"; readonly result: NewShares }
  | { readonly kind: "verified"; readonly verificationId: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface ShareSubmission {
  readonly share: Share;
  /** The wire's `nonce`; "" if missing. */
  readonly id: string;
  /** Digest of the parameters that the holder has seen; null if not sent. */
  readonly parametersDigest: string | null;
}

export function judge(
  { id, parametersDigest: seen }: ShareSubmission,
  state: CeremonyState,
  place: number | null,
): Submission {
  const parametersSeen = seen === null || state.phase === "idle" ||
    seen === parametersDigest(state.head.parameters);
  return { place, id, parametersSeen };
}

export function asOutcome(outcome: Outcome): RekeyOutcome {
  switch (outcome.kind) {
    case "advanced":
    case "refused":
      return outcome;
    case "quorum":
    case "verified":
      throw new TypeError("a quorum was left without its effects");
    default:
      return unreachable(outcome);
  }
}

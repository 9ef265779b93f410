/** What a rekey attempt is given and what it answers. Pure. */

import type { CeremonyHead, CeremonyState } from "./state.ts";
import type { Outcome, Refusal, Submission } from "./step.ts";
import { parametersDigest } from "./parameters_digest.ts";
import { unreachable } from "../errors.ts";
import type { Share } from "../crypto/keys.ts";

/** New shares for their holders. No shares: the target hands out none. */
export interface NewShares {
  readonly head: CeremonyHead;
  /** Bare shares, or PGP messages where there are recipients; in share order. */
  readonly shares: readonly Uint8Array[];
  /** Not null: nothing is in force before these shares were verified. */
  readonly verificationId: string | null;
}

export type RekeyOutcome =
  | { readonly kind: "advanced"; readonly state: CeremonyState }
  | { readonly kind: "shares"; readonly result: NewShares }
  | { readonly kind: "verified"; readonly verificationId: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface ShareSubmission {
  readonly share: Share;
  /** The wire's `nonce`; "" when missing. */
  readonly id: string;
  /** Digest of the parameters that the holder has seen; null when not sent. */
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

/** The steps of a ceremony that both path families share. Each family shapes its own replies. */

import type { NewShares, RekeyOutcome, ShareSubmission } from "../../../ceremony/rekey_outcome.ts";
import type { CeremonyState, CeremonyTarget } from "../../../ceremony/state.ts";
import type { Refusal } from "../../../ceremony/step.ts";
import { invalidRequest } from "../../../errors.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import type { Call } from "../../request/call.ts";
import { refuseWrappedShares } from "../../request/wrapping.ts";
import {
  ceremonyDetail,
  type CeremonyStep,
  type Family,
  mayAnswerShares,
  supportsRecovery,
  verificationStatus,
} from "./rekey_request.ts";
import { decodeCeremonyShare } from "./share_text.ts";

/** Throws `invalid_request` for the recovery target if the seal has no recovery key. */
export function refuseWithoutRecovery(
  unsealed: UnsealedVault,
  { target, texts }: Family,
  step: CeremonyStep,
): void {
  const text = texts.withoutRecovery[step];
  if (text !== null && target === "recovery" && !supportsRecovery(unsealed)) {
    throw invalidRequest(text);
  }
}

/** Throws `invalid_request` if a field is missing or the share cannot be decoded. */
export function readShare(
  sent: {
    readonly key?: string | undefined;
    readonly nonce?: string | undefined;
    readonly params_digest?: string | undefined;
  },
  { texts }: Family,
): ShareSubmission {
  const { key = "", nonce = "", params_digest: digest = "" } = sent;
  if (key === "") throw invalidRequest(texts.missingShare);
  if (nonce === "" && texts.missingNonce !== null) throw invalidRequest(texts.missingNonce);
  return {
    share: decodeCeremonyShare(key),
    id: nonce,
    parametersDigest: digest === "" ? null : digest.toLowerCase(),
  };
}

export async function cancelCeremony(call: Call, family: Family): Promise<void> {
  refuseWithoutRecovery(call.vault.unsealed(), family, "cancel");
  await call.vault.administer((unsealed) => unsealed.rekey(family.target).cancel());
}

type Submitted =
  | { readonly kind: "shares"; readonly result: NewShares }
  | { readonly kind: "advanced"; readonly state: CeremonyState };

/** Gives a current share. To be called within `administer`. Throws `invalid_request`. */
export async function submitShare(
  call: Call,
  unsealed: UnsealedVault,
  family: Family,
  submission: ShareSubmission,
): Promise<Submitted> {
  refuseWithoutRecovery(unsealed, family, "submit");
  const rekey = unsealed.rekey(family.target);
  refuseWrappedShares(call, mayAnswerShares(unsealed, family.target, await rekey.state()));
  const outcome = await rekey.submit(submission);
  if (outcome.kind === "shares") return outcome;
  if (outcome.kind === "refused" && outcome.refusal.code === "not_in_progress") {
    throw invalidRequest(family.texts.nothingStarted);
  }
  return { kind: "advanced", state: advanced(outcome, family) };
}

export async function showVerification(
  call: Call,
  unsealed: UnsealedVault,
  family: Family,
): Promise<JsonObject> {
  refuseWithoutRecovery(unsealed, family, "verification");
  const rekey = unsealed.rekey(family.target);
  const state = await rekey.state();
  const fields = verificationStatus(state);
  if (fields === null) throw invalidRequest(family.texts.nothingToVerify);
  return { ...fields, ...(call.wantsDetail ? ceremonyDetail(state, rekey) : {}) };
}

/** Gives a new share back. Throws `invalid_request`. */
export async function verifyShare(
  call: Call,
  family: Family,
  submission: ShareSubmission,
): Promise<JsonObject> {
  return await call.vault.administer(async (unsealed) => {
    const outcome = await unsealed.rekey(family.target).verify(submission);
    if (outcome.kind === "verified") return { nonce: outcome.verificationId, complete: true };
    return verificationStatus(advanced(outcome, family)) ?? {};
  });
}

export async function restartVerification(call: Call, family: Family): Promise<JsonObject> {
  refuseWithoutRecovery(call.vault.unsealed(), family, "restart_verification");
  return await call.vault.administer(async (unsealed) => {
    const outcome = await unsealed.rekey(family.target).restartVerification();
    if (outcome.kind === "refused") throw invalidRequest(family.texts.nothingToVerify);
    return verificationStatus(advanced(outcome, family)) ?? {};
  });
}

/** A refusal's text, no longer tied to the type of its code. */
type RefusalText = (refusal: Refusal, target: CeremonyTarget) => string;

/** The state after a step. Throws `invalid_request` if the step was refused. */
export function advanced(outcome: RekeyOutcome, { target, texts }: Family): CeremonyState {
  if (outcome.kind === "advanced") return outcome.state;
  if (outcome.kind === "refused") {
    const { refusal } = outcome;
    const text = texts.refusals[refusal.code] as RefusalText;
    throw invalidRequest(text(refusal, target));
  }
  throw new TypeError("a ceremony ended where it could not");
}

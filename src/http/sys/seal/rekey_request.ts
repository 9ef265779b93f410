/** Shared by both path families of a ceremony: parameters, texts, and members of answers. */

import { checkRecipients, sameHolderWarnings } from "../../../ceremony/recipients.ts";
import type { Rekey } from "../../../ceremony/rekey.ts";
import type { NewShares } from "../../../ceremony/rekey_outcome.ts";
import { parametersDigest } from "../../../ceremony/parameters_digest.ts";
import type {
  CeremonyParameters,
  CeremonyState,
  CeremonyTarget,
  PgpRecipient,
} from "../../../ceremony/state.ts";
import type { Refusal } from "../../../ceremony/step.ts";
import { encodeBase64, encodeHex } from "../../../crypto/bytes.ts";
import { invalidRequest, unreachable } from "../../../errors.ts";
import { shareCountsProblem } from "../../../seal/seal_config.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import type { Call } from "../../request/call.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { SEAL_KINDS } from "../../../seal/kinds.ts";

export interface StartRequest {
  readonly shares: number;
  readonly threshold: number;
  readonly pgpKeys: readonly string[];
  readonly backup: boolean;
  readonly requireVerification: boolean;
  readonly verifyAll: boolean;
}

/** The endpoints of one target in one of the two path families. */
export interface Family {
  readonly target: CeremonyTarget;
  readonly texts: FamilyTexts;
}

export type CeremonyStep =
  | "status"
  | "start"
  | "cancel"
  | "submit"
  | "verification"
  | "verify"
  | "restart_verification";

/** The texts in which the families differ. */
export interface FamilyTexts {
  /** Refusals of the recovery target under a Shamir seal; null if the step does not check. */
  readonly withoutRecovery: Readonly<Record<CeremonyStep, string | null>>;
  readonly missingShare: string;
  /** Null if an empty nonce is refused only as a wrong nonce. */
  readonly missingNonce: string | null;
  /** Refuses a current share while no attempt is running. */
  readonly nothingStarted: string;
  /** Refuses to show or restart a verification while no attempt is running. */
  readonly nothingToVerify: string;
  readonly wrongKeyCount: string | null;
  readonly configuration: Readonly<Record<CeremonyTarget, string>>;
  readonly storedKeys: {
    readonly pgp: string;
    readonly backup: string;
    readonly verification: string;
  };
  /** Which check comes first if a request has two faults. */
  readonly backupBeforeStoredKeys: boolean;
  readonly refusals: RefusalTexts;
}

type RefusalTexts = {
  readonly [Code in Refusal["code"]]: (
    refusal: Extract<Refusal, { code: Code }>,
    target: CeremonyTarget,
  ) => string;
};

const BACKUP_WITHOUT_KEYS =
  "cannot request a backup of the new keys without providing PGP keys for encryption";

/** For an operator who asked for shares that this seal does not make. */
const FORCED_WARNING =
  "this seal keeps the key itself: only the root key changes, and no shares are handed out";

interface SentParameters {
  readonly secret_shares?: number | undefined;
  readonly secret_threshold?: number | undefined;
  readonly pgp_keys?: readonly string[] | null | undefined;
  readonly backup?: boolean | undefined;
  readonly require_verification?: boolean | undefined;
  readonly verify_all?: boolean | undefined;
}

export function startRequest(sent: SentParameters): StartRequest {
  return {
    shares: sent.secret_shares ?? 0,
    threshold: sent.secret_threshold ?? 0,
    pgpKeys: sent.pgp_keys ?? [],
    backup: sent.backup ?? false,
    requireVerification: sent.require_verification ?? false,
    verifyAll: sent.verify_all ?? false,
  };
}

/** Checks a start and turns it into parameters. Throws `invalid_request`. Changes nothing. */
export async function startParameters(
  request: StartRequest,
  { target, texts }: Family,
  unsealed: UnsealedVault,
): Promise<CeremonyParameters> {
  const { pgpKeys, backup, requireVerification, verifyAll } = request;
  const refuseLoneBackup = (): void => {
    if (backup && pgpKeys.length === 0) throw invalidRequest(BACKUP_WITHOUT_KEYS);
  };
  if (texts.backupBeforeStoredKeys) refuseLoneBackup();
  if (texts.wrongKeyCount !== null && pgpKeys.length > 0 && pgpKeys.length !== request.shares) {
    throw invalidRequest(texts.wrongKeyCount);
  }
  if (!handsOutShares(unsealed, target)) {
    if (pgpKeys.length > 0) throw invalidRequest(texts.storedKeys.pgp);
    if (backup) throw invalidRequest(texts.storedKeys.backup);
    if (requireVerification) throw invalidRequest(texts.storedKeys.verification);
    const one = { shares: 1, threshold: 1, recipients: null };
    return { ...one, backup: false, requireVerification: false, verifyAll: false };
  }
  refuseLoneBackup();
  const counts = { shares: request.shares, threshold: request.threshold };
  const problem = shareCountsProblem(counts, pgpKeys.length === 0 ? null : pgpKeys.length);
  if (problem !== null) throw invalidRequest(texts.configuration[target] + problem);
  const recipients = await checkRecipients(pgpKeys, texts.configuration[target]);
  return {
    ...counts,
    recipients,
    backup,
    requireVerification: requireVerification || verifyAll,
    verifyAll,
  };
}

/** Whether a ceremony of this target makes shares: no if the seal keeps the key itself. */
export function handsOutShares(unsealed: UnsealedVault, target: CeremonyTarget): boolean {
  return target === "recovery" || !supportsRecovery(unsealed);
}

/**
 * Whether the answer to a share may hold bare shares. The same for every share, not just the last:
 * what one holder may not request, none may, so that they learn it with the first share.
 */
export function mayAnswerShares(
  unsealed: UnsealedVault,
  target: CeremonyTarget,
  state: CeremonyState,
): boolean {
  return state.phase === "gathering" && state.head.parameters.recipients === null &&
    handsOutShares(unsealed, target);
}

export function supportsRecovery(unsealed: UnsealedVault): boolean {
  return SEAL_KINDS[unsealed.config.type].authorisedBy === "recovery";
}

/** Members that `?detail=true` adds to a status: origin, start, expiry and parameters. */
export function ceremonyDetail(state: CeremonyState, rekey: Rekey): JsonObject {
  if (state.phase === "idle") return { target: rekey.target };
  const { head } = state;
  return {
    target: rekey.target,
    started_at: new Date(head.startedAtMs).toISOString(),
    started_by: head.startedBy,
    expires_at: new Date(head.expiresAtMs).toISOString(),
    verify_all: head.parameters.verifyAll,
    ...recipientDetail(head.parameters.recipients),
    params_digest: parametersDigest(head.parameters),
  };
}

/** Members that `?detail=true` adds about PGP keys: the subkey or primary key encrypted to. */
export function recipientDetail(recipients: readonly PgpRecipient[] | null): JsonObject {
  const fingerprints = recipients?.map((each) => each.encryptionKeyFingerprint);
  return { pgp_subkey_fingerprints: fingerprints ?? null };
}

/** Warnings of a status. Those about holders come only with `?detail=true`. */
export function statusWarnings(
  call: Call,
  unsealed: UnsealedVault,
  target: CeremonyTarget,
  state: CeremonyState,
): readonly string[] {
  if (state.phase === "idle") return [];
  const forced = handsOutShares(unsealed, target) ? [] : [FORCED_WARNING];
  if (!call.wantsDetail) return forced;
  return [...forced, ...sameHolderWarnings(state.head.parameters.recipients)];
}

/** What both families show of a running attempt. */
export function attemptFields(
  state: Exclude<CeremonyState, { phase: "idle" }>,
  required: number,
): JsonObject {
  const { ceremonyId, parameters } = state.head;
  return {
    nonce: ceremonyId,
    started: true,
    t: parameters.threshold,
    n: parameters.shares,
    progress: state.phase === "gathering" ? state.given.length : 0,
    required,
  };
}

/** What both families answer when new shares are made; they show the two nonces differently. */
export function resultFields(call: Call, { head, shares }: NewShares): JsonObject {
  return {
    complete: true,
    keys: shares.map(encodeHex),
    keys_base64: shares.map(encodeBase64),
    pgp_fingerprints: fingerprintsOf(head.parameters),
    backup: head.parameters.backup,
    verification_required: head.parameters.requireVerification,
    ...(call.wantsDetail ? recipientDetail(head.parameters.recipients) : {}),
  };
}

/** The verification's nonce in a status; null if there is none. */
export function shownVerificationId(state: CeremonyState): string | null {
  switch (state.phase) {
    case "idle":
      return null;
    case "gathering":
      return state.earlyVerificationId;
    case "verifying":
      return state.verificationId;
    default:
      return unreachable(state);
  }
}

export function fingerprintsOf(parameters: CeremonyParameters): readonly string[] | null {
  return parameters.recipients?.map((recipient) => recipient.fingerprint) ?? null;
}

/** The verification's status, the same in both families; null if no attempt is running. */
export function verificationStatus(state: CeremonyState): JsonObject | null {
  if (state.phase === "idle") return null;
  return {
    nonce: shownVerificationId(state) ?? "",
    started: state.phase === "verifying",
    t: state.head.parameters.threshold,
    n: state.head.parameters.shares,
    progress: state.phase === "verifying" ? state.verified.length : 0,
  };
}

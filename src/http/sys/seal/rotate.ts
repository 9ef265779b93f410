/**
 * `/sys/rotate/root/*` and `/sys/rotate/recovery/*`: OpenBao's authenticated twins of the rekey
 * endpoints, with the envelope.
 */

import type { NewShares, RekeyOutcome } from "../../../ceremony/rekey_outcome.ts";
import type { CeremonyState, CeremonyTarget } from "../../../ceremony/state.ts";
import { encodeBase64, encodeHex } from "../../../crypto/bytes.ts";
import {
  boolean,
  type FieldEntries,
  integer,
  type Sent,
  text,
  textList,
} from "../../../wire/fields.ts";
import type { Answer } from "../../../wire/served_path.ts";
import { invalidRequest } from "../../../errors.ts";
import type { Call } from "../../request/call.ts";
import {
  DONE,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import {
  ceremonyDetail,
  detailWarnings,
  fingerprintsOf,
  FORCED_WARNING,
  handsOutShares,
  mayAnswerShares,
  recipientDetail,
  refusalError,
  shownVerificationId,
  startParameters,
  supportsRecovery,
  verificationStatus,
} from "./rekey_request.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { ROTATE_TEXTS } from "./rotate_texts.ts";
import { decodeCeremonyShare } from "./share_text.ts";
import { refuseWrappedShares } from "../../request/wrapping.ts";

const START_FIELDS = {
  secret_shares: integer("shares to split the new key into"),
  secret_threshold: integer("new shares that are needed together"),
  pgp_keys: textList("a PGP public key for each new share"),
  backup: boolean("keep the encrypted shares in the vault"),
  require_verification: boolean("the new shares come into force once enough were given back"),
  verify_all: boolean("verification asks for every new share, not for a quorum"),
};

const SHARE_FIELDS = {
  key: text("a share, in hexadecimal or base64"),
  nonce: text("id of the attempt"),
  params_digest: text("digest of the parameters that the holder has seen"),
};

const DETAIL = { detail: text("show also who started it, when, and what was agreed") };

type Handler<Entries extends FieldEntries> = (
  request: LogicalCall,
  target: CeremonyTarget,
  sent: Sent<Entries>,
) => Promise<LogicalReply>;

export const ROTATE_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...ceremonyEndpoints("sys/rotate/root", "barrier"),
  ...ceremonyEndpoints("sys/rotate/recovery", "recovery"),
];

function ceremonyEndpoints(prefix: string, target: CeremonyTarget): readonly LogicalEndpoint[] {
  const key = target === "barrier" ? "unseal key" : "recovery key";
  const bind = <Entries extends FieldEntries>(
    summary: string,
    fields: Entries,
    handler: Handler<Entries>,
    answers: readonly Answer[] = ["data"],
  ) =>
    logicalOperation(
      { summary, fields, answers },
      (request, sent: Sent<Entries>) => handler(request, target, sent),
    );
  const rules = { slashAlias: true };
  return [
    logicalEndpoint(`${prefix}/init`, {
      read: bind(`Show the rotation of the ${key}`, DETAIL, status),
      update: bind(`Start a rotation of the ${key}`, { ...START_FIELDS, ...DETAIL }, start),
      delete: bind(`Cancel the rotation of the ${key}`, {}, cancel, ["nothing"]),
    }, rules),
    logicalEndpoint(`${prefix}/update`, {
      update: bind(`Give a current share to the rotation of the ${key}`, SHARE_FIELDS, submit),
    }, rules),
    logicalEndpoint(`${prefix}/verify`, {
      read: bind(`Show the verification of the new ${key}`, DETAIL, verification),
      update: bind(`Give a new share to the verification of the new ${key}`, SHARE_FIELDS, verify),
      delete: bind(`Start the verification of the new ${key} again`, {}, restartVerification),
    }, rules),
  ];
}

function statusFields(state: CeremonyState, required: number): JsonObject {
  if (state.phase === "idle") return { n: 0, required, started: false, t: 0 };
  const { ceremonyId, parameters } = state.head;
  const fingerprints = fingerprintsOf(parameters);
  return {
    n: parameters.shares,
    nonce: ceremonyId,
    progress: state.phase === "gathering" ? state.given.length : 0,
    required,
    started: true,
    t: parameters.threshold,
    verification_nonce: shownVerificationId(state) ?? "",
    verification_required: parameters.requireVerification,
    ...(fingerprints === null ? {} : { backup: parameters.backup, pgp_fingerprints: fingerprints }),
  };
}

function statusReply(
  request: LogicalCall,
  target: CeremonyTarget,
  state: CeremonyState,
): LogicalReply {
  const { call, unsealed } = request;
  const rekey = unsealed.rekey(target);
  const detail = call.wantsDetail ? ceremonyDetail(state, rekey) : {};
  const forced = state.phase !== "idle" && !handsOutShares(unsealed, target);
  return {
    kind: "data",
    data: { ...statusFields(state, rekey.required), ...detail },
    warnings: [...(forced ? [FORCED_WARNING] : []), ...detailWarnings(call, state)],
  };
}

async function status(request: LogicalCall, target: CeremonyTarget): Promise<LogicalReply> {
  if (target === "recovery" && !supportsRecovery(request.unsealed)) {
    throw invalidRequest("unable to look up config: recovery not supported");
  }
  return statusReply(request, target, await request.unsealed.rekey(target).state());
}

async function start(
  request: LogicalCall,
  target: CeremonyTarget,
  sent: Sent<typeof START_FIELDS>,
): Promise<LogicalReply> {
  const { call } = request;
  const asked = {
    shares: sent.secret_shares ?? 0,
    threshold: sent.secret_threshold ?? 0,
    pgpKeys: sent.pgp_keys ?? [],
    backup: sent.backup ?? false,
    requireVerification: sent.require_verification ?? false,
    verifyAll: sent.verify_all ?? false,
  };
  return await call.vault.administer(async (unsealed) => {
    if (target === "recovery" && !supportsRecovery(unsealed)) {
      throw invalidRequest("recovery keys not supported");
    }
    const rekey = unsealed.rekey(target);
    if ((await rekey.state()).phase !== "idle") {
      throw invalidRequest("rotation already in progress");
    }
    const parameters = await startParameters(
      asked,
      ROTATE_TEXTS,
      target,
      handsOutShares(unsealed, target),
    );
    const startedBy = call.token?.token.accessor ?? null;
    if (target === "recovery" && rekey.required === 0) {
      refuseWrappedShares(call, parameters.recipients === null);
      const outcome = await rekey.createFirstShares(parameters, startedBy);
      if (outcome.kind === "shares") return firstShares(call, outcome.result);
      return statusReply({ ...request, unsealed }, target, advanced(outcome, target));
    }
    const outcome = await rekey.start(parameters, startedBy);
    return statusReply({ ...request, unsealed }, target, advanced(outcome, target));
  });
}

async function cancel({ call }: LogicalCall, target: CeremonyTarget): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => unsealed.rekey(target).cancel());
  return DONE;
}

function readShare(sent: Sent<typeof SHARE_FIELDS>) {
  const { key = "", nonce = "", params_digest: digest = "" } = sent;
  if (key === "") throw invalidRequest("missing required field 'key'");
  if (nonce === "") throw invalidRequest("missing required field 'nonce'");
  return {
    share: decodeCeremonyShare(key),
    id: nonce,
    parametersDigest: digest === "" ? null : digest.toLowerCase(),
  };
}

async function submit(
  request: LogicalCall,
  target: CeremonyTarget,
  sent: Sent<typeof SHARE_FIELDS>,
): Promise<LogicalReply> {
  const submission = readShare(sent);
  return await request.call.vault.administer(async (unsealed) => {
    if (target === "recovery" && !supportsRecovery(unsealed)) {
      throw invalidRequest("failed to fetch existing config: recovery not supported");
    }
    const rekey = unsealed.rekey(target);
    refuseWrappedShares(request.call, mayAnswerShares(unsealed, target, await rekey.state()));
    const outcome = await rekey.submit(submission);
    if (outcome.kind === "shares") {
      return { kind: "data", data: completion(request.call, outcome.result) };
    }
    return statusReply({ ...request, unsealed }, target, advanced(outcome, target));
  });
}

function completion(call: Call, result: NewShares): JsonObject {
  return { ...resultFields(call, result), nonce: result.head.ceremonyId };
}

/** Shares that nobody had to authorise: as the reference answers, with counts and no nonce. */
function firstShares(call: Call, result: NewShares): LogicalReply {
  const { shares, threshold } = result.head.parameters;
  return { kind: "data", data: { ...resultFields(call, result), n: shares, t: threshold } };
}

function resultFields(call: Call, { head, shares, verificationId }: NewShares): JsonObject {
  return {
    backup: head.parameters.backup,
    complete: true,
    keys: shares.map(encodeHex),
    keys_base64: shares.map(encodeBase64),
    pgp_fingerprints: fingerprintsOf(head.parameters),
    verification_nonce: verificationId ?? "",
    verification_required: head.parameters.requireVerification,
    ...(call.wantsDetail ? recipientDetail(head.parameters.recipients) : {}),
  };
}

async function verification(request: LogicalCall, target: CeremonyTarget): Promise<LogicalReply> {
  const rekey = request.unsealed.rekey(target);
  const state = await rekey.state();
  const fields = verificationStatus(state);
  if (fields === null) throw invalidRequest("no rotation configuration found");
  const detail = request.call.wantsDetail ? ceremonyDetail(state, rekey) : {};
  return { kind: "data", data: { ...fields, ...detail } };
}

async function verify(
  request: LogicalCall,
  target: CeremonyTarget,
  sent: Sent<typeof SHARE_FIELDS>,
): Promise<LogicalReply> {
  const submission = readShare(sent);
  return await request.call.vault.administer(async (unsealed) => {
    const outcome = await unsealed.rekey(target).verify(submission);
    if (outcome.kind === "verified") {
      return { kind: "data", data: { complete: true, nonce: outcome.verificationId } };
    }
    return { kind: "data", data: verificationStatus(advanced(outcome, target)) ?? {} };
  });
}

async function restartVerification(
  request: LogicalCall,
  target: CeremonyTarget,
): Promise<LogicalReply> {
  return await request.call.vault.administer(async (unsealed) => {
    const outcome = await unsealed.rekey(target).restartVerification();
    if (outcome.kind === "refused") throw invalidRequest("no rotation configuration found");
    return { kind: "data", data: verificationStatus(advanced(outcome, target)) ?? {} };
  });
}

function advanced(outcome: RekeyOutcome, target: CeremonyTarget): CeremonyState {
  if (outcome.kind === "advanced") return outcome.state;
  if (outcome.kind === "refused") {
    throw refusalError(outcome.refusal, ROTATE_TEXTS.refusals, target);
  }
  throw new TypeError("a ceremony ended where it could not");
}

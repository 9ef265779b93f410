/**
 * `/sys/rotate/root/*` and `/sys/rotate/recovery/*`: OpenBao's authenticated twins of the rekey
 * endpoints, with the envelope. `rekey_steps.ts` takes the steps.
 */

import type { NewShares } from "../../../ceremony/rekey_outcome.ts";
import type { CeremonyState, CeremonyTarget } from "../../../ceremony/state.ts";
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
  attemptFields,
  ceremonyDetail,
  type Family,
  fingerprintsOf,
  resultFields,
  shownVerificationId,
  startParameters,
  startRequest,
  statusWarnings,
} from "./rekey_request.ts";
import {
  advanced,
  cancelCeremony,
  readShare,
  refuseWithoutRecovery,
  restartVerification,
  showVerification,
  submitShare,
  verifyShare,
} from "./rekey_steps.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { ROTATE_TEXTS } from "./rotate_texts.ts";
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
  family: Family,
  sent: Sent<Entries>,
) => Promise<LogicalReply>;

export const ROTATE_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...ceremonyEndpoints("sys/rotate/root", "barrier"),
  ...ceremonyEndpoints("sys/rotate/recovery", "recovery"),
];

function ceremonyEndpoints(prefix: string, target: CeremonyTarget): readonly LogicalEndpoint[] {
  const family: Family = { target, texts: ROTATE_TEXTS };
  const key = target === "barrier" ? "unseal key" : "recovery key";
  const bind = <Entries extends FieldEntries>(
    summary: string,
    fields: Entries,
    handler: Handler<Entries>,
    answers: readonly Answer[] = ["data"],
  ) =>
    logicalOperation(
      { summary, fields, answers },
      (request, sent: Sent<Entries>) => handler(request, family, sent),
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
      delete: bind(`Start the verification of the new ${key} again`, {}, restart),
    }, rules),
  ];
}

function statusFields(state: CeremonyState, required: number): JsonObject {
  if (state.phase === "idle") return { n: 0, required, started: false, t: 0 };
  const { parameters } = state.head;
  const fingerprints = fingerprintsOf(parameters);
  return sorted({
    ...attemptFields(state, required),
    verification_nonce: shownVerificationId(state) ?? "",
    verification_required: parameters.requireVerification,
    ...(fingerprints === null ? {} : { backup: parameters.backup, pgp_fingerprints: fingerprints }),
  });
}

function statusReply(
  { call, unsealed }: LogicalCall,
  { target }: Family,
  state: CeremonyState,
): LogicalReply {
  const rekey = unsealed.rekey(target);
  const detail = call.wantsDetail ? ceremonyDetail(state, rekey) : {};
  return {
    kind: "data",
    data: { ...statusFields(state, rekey.required), ...detail },
    warnings: statusWarnings(call, unsealed, target, state),
  };
}

async function status(request: LogicalCall, family: Family): Promise<LogicalReply> {
  refuseWithoutRecovery(request.unsealed, family, "status");
  return statusReply(request, family, await request.unsealed.rekey(family.target).state());
}

async function start(
  request: LogicalCall,
  family: Family,
  sent: Sent<typeof START_FIELDS>,
): Promise<LogicalReply> {
  const { call } = request;
  return await call.vault.administer(async (unsealed) => {
    refuseWithoutRecovery(unsealed, family, "start");
    const rekey = unsealed.rekey(family.target);
    if ((await rekey.state()).phase !== "idle") {
      throw invalidRequest("rotation already in progress");
    }
    const parameters = await startParameters(startRequest(sent), family, unsealed);
    const startedBy = call.token?.token.accessor ?? null;
    if (family.target === "recovery" && rekey.required === 0) {
      refuseWrappedShares(call, parameters.recipients === null);
      const outcome = await rekey.createFirstShares(parameters, startedBy);
      if (outcome.kind === "shares") return firstShares(call, outcome.result);
      return statusReply({ ...request, unsealed }, family, advanced(outcome, family));
    }
    const outcome = await rekey.start(parameters, startedBy);
    return statusReply({ ...request, unsealed }, family, advanced(outcome, family));
  });
}

/** First shares, which nobody had to authorise. As in the reference: counts, and no nonce. */
function firstShares(call: Call, result: NewShares): LogicalReply {
  const { shares, threshold } = result.head.parameters;
  return { kind: "data", data: { ...madeShares(call, result), n: shares, t: threshold } };
}

function madeShares(call: Call, result: NewShares): JsonObject {
  return sorted({
    ...resultFields(call, result),
    verification_nonce: result.verificationId ?? "",
  });
}

/** As Go writes a map. */
function sorted(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => a < b ? -1 : 1));
}

async function cancel({ call }: LogicalCall, family: Family): Promise<LogicalReply> {
  await cancelCeremony(call, family);
  return DONE;
}

async function submit(
  request: LogicalCall,
  family: Family,
  sent: Sent<typeof SHARE_FIELDS>,
): Promise<LogicalReply> {
  const { call } = request;
  const submission = readShare(sent, family);
  return await call.vault.administer(async (unsealed) => {
    const outcome = await submitShare(call, unsealed, family, submission);
    if (outcome.kind === "advanced") {
      return statusReply({ ...request, unsealed }, family, outcome.state);
    }
    const nonce = outcome.result.head.ceremonyId;
    return { kind: "data", data: { ...madeShares(call, outcome.result), nonce } };
  });
}

async function verification(
  { call, unsealed }: LogicalCall,
  family: Family,
): Promise<LogicalReply> {
  return { kind: "data", data: await showVerification(call, unsealed, family) };
}

async function verify(
  { call }: LogicalCall,
  family: Family,
  sent: Sent<typeof SHARE_FIELDS>,
): Promise<LogicalReply> {
  return { kind: "data", data: await verifyShare(call, family, readShare(sent, family)) };
}

async function restart({ call }: LogicalCall, family: Family): Promise<LogicalReply> {
  return { kind: "data", data: await restartVerification(call, family) };
}

/**
 * `/sys/rekey/*` and `/sys/rekey-recovery-key/*`: the older endpoints of a ceremony, with bare
 * answers.
 */

import * as v from "valibot";
import type { NewShares, RekeyOutcome } from "../../../ceremony/rekey_outcome.ts";
import type { CeremonyState, CeremonyTarget } from "../../../ceremony/state.ts";
import { encodeBase64, encodeHex } from "../../../crypto/bytes.ts";
import type { FieldEntries, Sent } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import { authoriseCeremony } from "../../request/caller.ts";
import type { Call } from "../../request/call.ts";
import { type RawEndpoint, type RawMethods, rawOperation } from "../../request/raw_endpoint.ts";
import {
  ceremonyDetail,
  detailWarnings,
  type FamilyTexts,
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
import {
  rekeyResult,
  rekeyStatus,
  SHARE_FIELDS,
  START_FIELDS,
  verificationState,
  verified,
} from "./rekey_shapes.ts";
import { rekeyTexts } from "./rekey_texts.ts";
import { emptyReply, jsonReply } from "../../request/replies.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { decodeCeremonyShare } from "./share_text.ts";
import { refuseWrappedShares } from "../../request/wrapping.ts";

interface Family {
  readonly target: CeremonyTarget;
  readonly texts: FamilyTexts;
}

export const REKEY_ENDPOINTS: readonly RawEndpoint[] = [
  ...familyEndpoints("sys/rekey", "barrier"),
  ...familyEndpoints("sys/rekey-recovery-key", "recovery"),
];

function familyEndpoints(prefix: string, target: CeremonyTarget): readonly RawEndpoint[] {
  const family: Family = { target, texts: rekeyTexts(target) };
  const key = target === "barrier" ? "unseal key" : "recovery key";
  const endpoint = (
    name: string,
    step: "manage" | "contribute",
    methods: RawMethods,
  ): RawEndpoint => {
    const path = `${prefix}/${name}`;
    return {
      path,
      methods,
      slashAlias: true,
      authorise: (call) => authoriseCeremony(call, call.context.options.rekeyAccess, path, step),
    };
  };
  return [
    endpoint("init", "manage", {
      GET: rawOperation(
        { summary: `Show the rekey of the ${key}`, answer: rekeyStatus },
        (call) => status(call, family),
      ),
      PUT: rawOperation(
        { summary: `Start a rekey of the ${key}`, fields: START_FIELDS, answer: rekeyStatus },
        (call, body) => start(call, family, body),
      ),
      DELETE: rawOperation(
        { summary: `Cancel the rekey of the ${key}`, answer: null },
        (call) => cancel(call, family),
      ),
    }),
    endpoint("update", "contribute", {
      PUT: rawOperation(
        {
          summary: `Give a current share to the rekey of the ${key}`,
          fields: SHARE_FIELDS,
          answer: v.union([rekeyStatus, rekeyResult]),
        },
        (call, body) => submit(call, family, body),
      ),
    }),
    endpoint("verify", "contribute", {
      GET: rawOperation(
        { summary: `Show the verification of the new ${key}`, answer: verificationState },
        (call) => verification(call, family),
      ),
      PUT: rawOperation(
        {
          summary: `Give a new share to the verification of the new ${key}`,
          fields: SHARE_FIELDS,
          answer: v.union([verificationState, verified]),
        },
        (call, body) => verify(call, family, body),
      ),
      DELETE: rawOperation(
        { summary: `Start the verification of the new ${key} again`, answer: verificationState },
        (call) => restartVerification(call, family),
      ),
    }),
  ];
}

function refuseWithoutRecovery(unsealed: UnsealedVault, family: Family): void {
  if (family.target === "recovery" && !supportsRecovery(unsealed)) {
    throw invalidRequest("recovery rekeying not supported");
  }
}

async function status(call: Call, family: Family): Promise<Response> {
  const unsealed = call.vault.unsealed();
  refuseWithoutRecovery(unsealed, family);
  return await statusReply(call, unsealed, family);
}

async function statusReply(call: Call, unsealed: UnsealedVault, family: Family): Promise<Response> {
  const state = await unsealed.rekey(family.target).state();
  return jsonReply(200, shownStatus(call, unsealed, family, state));
}

function shownStatus(
  call: Call,
  unsealed: UnsealedVault,
  family: Family,
  state: CeremonyState,
): JsonObject {
  const rekey = unsealed.rekey(family.target);
  const fields = statusFields(state, rekey.required);
  if (!call.wantsDetail) return fields;
  const isForced = state.phase !== "idle" && !handsOutShares(unsealed, family.target);
  const warnings = [...(isForced ? [FORCED_WARNING] : []), ...detailWarnings(call, state)];
  const warned = warnings.length === 0 ? {} : { warnings };
  return { ...fields, ...ceremonyDetail(state, rekey), ...warned };
}

function statusFields(state: CeremonyState, required: number): JsonObject {
  if (state.phase === "idle") {
    return {
      nonce: "",
      started: false,
      t: 0,
      n: 0,
      progress: 0,
      required,
      pgp_fingerprints: null,
      backup: false,
      verification_required: false,
    };
  }
  const { ceremonyId, parameters } = state.head;
  const verificationId = shownVerificationId(state);
  return {
    nonce: ceremonyId,
    started: true,
    t: parameters.threshold,
    n: parameters.shares,
    progress: state.phase === "gathering" ? state.given.length : 0,
    required,
    pgp_fingerprints: fingerprintsOf(parameters),
    backup: parameters.backup,
    verification_required: parameters.requireVerification,
    ...(verificationId === null ? {} : { verification_nonce: verificationId }),
  };
}

type Body<Entries extends FieldEntries> = () => Promise<Sent<Entries>>;

async function start(
  call: Call,
  family: Family,
  read: Body<typeof START_FIELDS>,
): Promise<Response> {
  refuseWithoutRecovery(call.vault.unsealed(), family);
  const body = await read();
  const parameters = await startParameters(
    {
      shares: body.secret_shares,
      threshold: body.secret_threshold,
      pgpKeys: body.pgp_keys ?? [],
      backup: body.backup,
      requireVerification: body.require_verification,
      verifyAll: body.verify_all,
    },
    family.texts,
    family.target,
    handsOutShares(call.vault.unsealed(), family.target),
  );
  return await call.vault.administer(async (unsealed) => {
    const rekey = unsealed.rekey(family.target);
    const outcome = await rekey.start(parameters, call.token?.token.accessor ?? null);
    return jsonReply(200, shownStatus(call, unsealed, family, advanced(outcome, family)));
  });
}

/** A nonce in the body is neither needed nor compared, and so the body is not even read. */
async function cancel(call: Call, family: Family): Promise<Response> {
  refuseWithoutRecovery(call.vault.unsealed(), family);
  return await call.vault.administer(async (unsealed) => {
    await unsealed.rekey(family.target).cancel();
    return emptyReply(204);
  });
}

async function readShare(read: Body<typeof SHARE_FIELDS>) {
  const body = await read();
  if (body.key === "") throw invalidRequest("'key' must be specified in request body as JSON");
  return {
    share: decodeCeremonyShare(body.key),
    id: body.nonce,
    parametersDigest: body.params_digest === "" ? null : body.params_digest.toLowerCase(),
  };
}

async function submit(
  call: Call,
  family: Family,
  read: Body<typeof SHARE_FIELDS>,
): Promise<Response> {
  const submission = await readShare(read);
  return await call.vault.administer(async (unsealed) => {
    if (family.target === "recovery" && !supportsRecovery(unsealed)) {
      throw invalidRequest("failed to fetch existing recovery config: recovery not supported");
    }
    const rekey = unsealed.rekey(family.target);
    refuseWrappedShares(call, mayAnswerShares(unsealed, family.target, await rekey.state()));
    const outcome = await rekey.submit(submission);
    if (outcome.kind === "shares") return jsonReply(200, completion(call, outcome.result));
    if (outcome.kind === "refused" && outcome.refusal.code === "not_in_progress") {
      throw invalidRequest(`no ${family.target} rekey in progress`);
    }
    return jsonReply(200, shownStatus(call, unsealed, family, advanced(outcome, family)));
  });
}

function completion(call: Call, result: NewShares): JsonObject {
  const { head, shares, verificationId } = result;
  return {
    nonce: head.ceremonyId,
    complete: true,
    keys: shares.map(encodeHex),
    keys_base64: shares.map(encodeBase64),
    pgp_fingerprints: fingerprintsOf(head.parameters),
    backup: head.parameters.backup,
    verification_required: head.parameters.requireVerification,
    ...(verificationId === null ? {} : { verification_nonce: verificationId }),
    ...(call.wantsDetail ? recipientDetail(head.parameters.recipients) : {}),
  };
}

async function verification(call: Call, family: Family): Promise<Response> {
  const unsealed = call.vault.unsealed();
  refuseWithoutRecovery(unsealed, family);
  const rekey = unsealed.rekey(family.target);
  const state = await rekey.state();
  const fields = verificationStatus(state);
  if (fields === null) throw invalidRequest("no rekey configuration found");
  const detail = call.wantsDetail ? ceremonyDetail(state, rekey) : {};
  return jsonReply(200, { ...fields, ...detail });
}

async function verify(
  call: Call,
  family: Family,
  read: Body<typeof SHARE_FIELDS>,
): Promise<Response> {
  refuseWithoutRecovery(call.vault.unsealed(), family);
  const submission = await readShare(read);
  return await call.vault.administer(async (unsealed) => {
    const outcome = await unsealed.rekey(family.target).verify(submission);
    if (outcome.kind === "verified") {
      return jsonReply(200, { nonce: outcome.verificationId, complete: true });
    }
    return jsonReply(200, verificationStatus(advanced(outcome, family)) ?? {});
  });
}

async function restartVerification(call: Call, family: Family): Promise<Response> {
  refuseWithoutRecovery(call.vault.unsealed(), family);
  return await call.vault.administer(async (unsealed) => {
    const outcome = await unsealed.rekey(family.target).restartVerification();
    if (outcome.kind === "refused") throw invalidRequest("no rekey configuration found");
    return jsonReply(200, verificationStatus(advanced(outcome, family)) ?? {});
  });
}

function advanced(outcome: RekeyOutcome, family: Family): CeremonyState {
  if (outcome.kind === "advanced") return outcome.state;
  if (outcome.kind === "refused") {
    throw refusalError(outcome.refusal, family.texts.refusals, family.target);
  }
  throw new TypeError("a ceremony ended where it could not");
}

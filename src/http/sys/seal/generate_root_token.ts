/**
 * OpenBao's authenticated `/sys/generate-root-token/*`, which shows less than the legacy family,
 * and `/sys/decode-token`.
 */

import {
  decodeGeneratedToken,
  type GenerationOutcome,
  type GenerationState,
  OTP_CHARACTERS,
  UNKNOWN_SHARE,
} from "../../../ceremony/generate_root.ts";
import { parseShare } from "../../../ceremony/shares.ts";
import { type Sent, text } from "../../../wire/fields.ts";
import { invalidRequest, VaultError } from "../../../errors.ts";
import { asListed } from "../../../wire/multi_error.ts";
import {
  cancelAttempt,
  fingerprintOf,
  generationDetail,
  startAttempt,
} from "./generate_root_request.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { decodeTrimmedShare } from "./share_text.ts";

const DETAIL = { detail: text("show also who started it, and when") };
const START_FIELDS = {
  otp: text("one-time password that the token is encoded with"),
  pgp_key: text("PGP public key that the token is encrypted with"),
};
const SHARE_FIELDS = {
  key: text("a share, in hexadecimal or base64"),
  nonce: text("id of the attempt"),
};
const DECODE_FIELDS = {
  encoded_token: text("the token as it was generated"),
  otp: text("the one-time password"),
};

export const GENERATE_ROOT_TOKEN_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/generate-root-token/attempt", {
    read: logicalOperation(
      { summary: "Show the generation of a root token", fields: DETAIL },
      readStatus,
    ),
    update: logicalOperation(
      {
        summary: "Start the generation of a root token",
        fields: START_FIELDS,
        answers: ["data"],
      },
      start,
    ),
    delete: logicalOperation({ summary: "Cancel the generation of a root token" }, cancel),
  }),
  logicalEndpoint("sys/generate-root-token/update", {
    update: logicalOperation(
      {
        summary: "Give a share towards a root token",
        fields: SHARE_FIELDS,
        answers: ["data"],
      },
      submit,
    ),
  }),
  logicalEndpoint("sys/decode-token", {
    update: logicalOperation(
      { summary: "Decode a generated root token", fields: DECODE_FIELDS, answers: ["data"] },
      decodeToken,
    ),
  }, { token: "ignored" }),
];

/** The nonce and the key are shown only while an attempt is running. */
function statusFields(state: GenerationState, required: number, otp: string): JsonObject {
  const isIdle = state.phase === "idle";
  return {
    started: !isIdle,
    complete: false,
    progress: isIdle ? 0 : state.given.length,
    required,
    otp,
    otp_length: OTP_CHARACTERS,
    ...(isIdle ? {} : { nonce: state.attemptId, pgp_fingerprint: fingerprintOf(state) }),
  };
}

async function readStatus({ call, unsealed }: LogicalCall): Promise<LogicalReply> {
  const { generateRoot } = unsealed;
  const state = await generateRoot.state();
  const fields = statusFields(state, generateRoot.required, "");
  return { kind: "data", data: { ...fields, ...generationDetail(call, state) } };
}

async function start(
  { call }: LogicalCall,
  sent: Sent<typeof START_FIELDS>,
): Promise<LogicalReply> {
  const { otp = "", pgp_key: pgpKey = "" } = sent;
  const started = await startAttempt(call, otp, pgpKey);
  return { kind: "data", data: statusFields(started.state, started.required, started.otp) };
}

async function cancel({ call }: LogicalCall): Promise<LogicalReply> {
  await cancelAttempt(call);
  return { kind: "done" };
}

async function submit(
  { call }: LogicalCall,
  { key = "", nonce = "" }: Sent<typeof SHARE_FIELDS>,
): Promise<LogicalReply> {
  if (nonce === "") throw invalidRequest("nonce is required");
  if (key === "") throw invalidRequest("key is required");
  const outcome = await listingErrors(async () => {
    const share = parseShare(decodeTrimmedShare(key), "invalid key: ");
    return await call.vault.administer((unsealed) => unsealed.generateRoot.submit(share, nonce));
  });
  return { kind: "data", data: outcomeFields(outcome) };
}

/**
 * From here on the reference answers 500 in multierror's form; we answer 400 (D1) in the same form.
 * Refusals that only we make (D2) are plain.
 */
async function listingErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const isOurs = error instanceof VaultError && error.message === UNKNOWN_SHARE;
    throw isOurs ? error : asListed(error);
  }
}

function outcomeFields(outcome: GenerationOutcome): JsonObject {
  const { state } = outcome;
  return {
    started: true,
    complete: outcome.kind === "complete",
    progress: state.given.length,
    required: state.required,
    nonce: state.attemptId,
    encoded_token: outcome.kind === "complete" ? outcome.encodedToken : "",
    pgp_fingerprint: fingerprintOf(state),
  };
}

/** Needs no token: a caller with both parts already has one. */
async function decodeToken(
  _request: LogicalCall,
  { encoded_token: encoded = "", otp = "" }: Sent<typeof DECODE_FIELDS>,
): Promise<LogicalReply> {
  if (encoded === "" || otp === "") {
    throw invalidRequest("provided 'encoded_token' or 'otp' is empty");
  }
  return { kind: "data", data: { token: decodeGeneratedToken(encoded, otp) } };
}

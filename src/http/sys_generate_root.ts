/**
 * `/sys/generate-root/*` with bare answers, OpenBao's authenticated `/sys/generate-root-token/*`, and
 * `/sys/decode-token`.
 */

import type { Hono } from "hono";
import * as v from "valibot";
import {
  createOtp,
  decodeGeneratedToken,
  type GenerationOutcome,
  type GenerationState,
  OTP_CHARACTERS,
  type TokenEncoding,
} from "../ceremony/generate_root.ts";
import { checkPgpKey } from "../ceremony/recipients.ts";
import { refuseShareLength } from "../ceremony/shares.ts";
import { readText, requestFields } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { authoriseCeremony } from "./auth.ts";
import type { AppContext, Call } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import { goText, readRawBody, registerRaw } from "./raw.ts";
import { emptyReply, envelopeReply, type JsonObject, jsonReply } from "./replies.ts";
import { decodeShare } from "./wire.ts";

const PREFIX = "sys/generate-root";
const LOGICAL_PREFIX = "sys/generate-root-token";

export function registerGenerateRootEndpoints(app: Hono, context: AppContext): void {
  const mode = context.options.generateRootAccess;
  const attempt = `${PREFIX}/attempt`;
  registerRaw(app, context, {
    path: attempt,
    rootNamespaceOnly: true,
    methods: { GET: readRaw, PUT: startRaw, DELETE: cancelRaw, PATCH: refusePatch },
    authorise: (call) => authoriseCeremony(call, mode, attempt, "manage"),
  });
  const update = `${PREFIX}/update`;
  registerRaw(app, context, {
    path: update,
    rootNamespaceOnly: true,
    // The reference reads a share whatever the method is.
    methods: { GET: submitRaw, PUT: submitRaw, DELETE: submitRaw },
    authorise: (call) => authoriseCeremony(call, mode, update, "contribute", "update"),
  });
  registerLogical(app, context, {
    path: `${LOGICAL_PREFIX}/attempt`,
    operations: { read, update: start, delete: cancel },
  });
  registerLogical(app, context, {
    path: `${LOGICAL_PREFIX}/update`,
    operations: { update: submit },
  });
  registerRaw(app, context, { path: "sys/decode-token", methods: { PUT: decodeToken } });
}

/** What a status shows besides the state: values that are sent once. */
interface Shown {
  readonly otp?: string;
  readonly otpLength: number;
  readonly encodedToken?: string;
}

function statusFields(state: GenerationState, required: number, shown: Shown): JsonObject {
  const { otp = "", otpLength, encodedToken = "" } = shown;
  const isIdle = state.phase === "idle";
  const pgp = !isIdle && state.encoding.kind === "pgp" ? state.encoding.recipient.fingerprint : "";
  return {
    nonce: isIdle ? "" : state.attemptId,
    started: !isIdle,
    progress: isIdle ? 0 : state.gathered.length,
    required,
    complete: encodedToken !== "",
    encoded_token: encodedToken,
    encoded_root_token: encodedToken,
    pgp_fingerprint: pgp,
    otp,
    otp_length: otpLength,
  };
}

async function readStatus(call: Call): Promise<JsonObject> {
  const { generateRoot } = call.vault.unsealed();
  const state = await generateRoot.state();
  const fields = statusFields(state, generateRoot.required, { otpLength: OTP_CHARACTERS });
  if (!call.wantsDetail || state.phase === "idle") return fields;
  return {
    ...fields,
    started_at: new Date(state.startedAtMs).toISOString(),
    started_by: state.startedBy,
    expires_at: new Date(state.expiresAtMs).toISOString(),
  };
}

/** A password wins over a PGP key, as in the reference; with neither the server makes a password. */
async function startAttempt(call: Call, otp: string, pgpKey: string): Promise<JsonObject> {
  const made = otp === "" && pgpKey === "" ? createOtp(call.context.random) : null;
  const encoding = await tokenEncoding(made ?? otp, pgpKey);
  return await call.vault.administer(async (open) => {
    const { generateRoot } = open;
    const state = await generateRoot.start(encoding, call.token?.token.accessor ?? null);
    const shown = { otpLength: OTP_CHARACTERS, ...(made === null ? {} : { otp: made }) };
    return statusFields(state, generateRoot.required, shown);
  });
}

async function tokenEncoding(otp: string, pgpKey: string): Promise<TokenEncoding> {
  if (otp !== "") {
    if (new TextEncoder().encode(otp).length !== OTP_CHARACTERS) {
      throw invalidRequest("OTP string has incorrect length");
    }
    return { kind: "otp", otp };
  }
  const key = await checkPgpKey(pgpKey, "error parsing PGP key: ", "pgp_key");
  return { kind: "pgp", recipient: { fingerprint: key.fingerprint, key: key.binaryBase64 } };
}

async function submitShare(call: Call, key: string, attemptId: string): Promise<JsonObject> {
  const share = decodeShare(key);
  refuseShareLength(share, "invalid key: ");
  return await call.vault.administer(async ({ generateRoot }) => {
    const outcome = await generateRoot.submit(share, attemptId);
    return outcomeFields(outcome);
  });
}

function outcomeFields(outcome: GenerationOutcome): JsonObject {
  const shown = outcome.kind === "complete"
    ? { otpLength: 0, encodedToken: outcome.encodedToken }
    : { otpLength: 0 };
  return statusFields(outcome.state, outcome.state.required, shown);
}

async function readRaw(call: Call): Promise<Response> {
  return jsonReply(200, await readStatus(call));
}

const startBody = v.object({ otp: goText, pgp_key: goText });

async function startRaw(call: Call): Promise<Response> {
  const body = await readRawBody(call, startBody);
  return jsonReply(200, await startAttempt(call, body.otp, body.pgp_key));
}

async function refusePatch(): Promise<Response> {
  throw invalidRequest("unsupported operation");
}

async function cancelRaw(call: Call): Promise<Response> {
  await cancelAttempt(call);
  return emptyReply(204);
}

async function cancelAttempt(call: Call): Promise<void> {
  await call.vault.administer((open) => open.generateRoot.cancel());
}

const shareBody = v.object({ key: goText, nonce: goText });

async function submitRaw(call: Call): Promise<Response> {
  const body = await readRawBody(call, shareBody);
  if (body.key === "") throw invalidRequest("'key' must be specified in request body as JSON");
  return jsonReply(200, await submitShare(call, body.key, body.nonce));
}

function textOf({ data }: LogicalCall, name: string): string {
  const fields = requestFields(data);
  return readText(fields, name) ?? "";
}

async function read({ call }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: await readStatus(call) };
}

async function start(request: LogicalCall): Promise<LogicalReply> {
  const data = await startAttempt(request.call, textOf(request, "otp"), textOf(request, "pgp_key"));
  return { kind: "data", data };
}

async function cancel({ call }: LogicalCall): Promise<LogicalReply> {
  await cancelAttempt(call);
  return { kind: "done" };
}

async function submit(request: LogicalCall): Promise<LogicalReply> {
  const key = textOf(request, "key");
  if (key === "") throw invalidRequest("missing required field 'key'");
  return { kind: "data", data: await submitShare(request.call, key, textOf(request, "nonce")) };
}

const decodeBody = v.object({ encoded_token: goText, otp: goText });

async function decodeToken(call: Call): Promise<Response> {
  const body = await readRawBody(call, decodeBody);
  if (body.encoded_token === "") throw invalidRequest("missing encoded token");
  if (body.otp === "") throw invalidRequest("missing OTP");
  const token = decodeGeneratedToken(body.encoded_token, body.otp);
  return envelopeReply(200, { data: { token } }, call.context.random);
}

/**
 * `/sys/generate-root/*` with bare answers, OpenBao's authenticated `/sys/generate-root-token/*`, and
 * `/sys/decode-token`.
 */

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
import { type Sent, text } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { authoriseCeremony } from "./auth.ts";
import type { Call } from "./call.ts";
import { type LogicalEndpoint, logicalEndpoint, logicalOperation } from "./logical.ts";
import { goText, type RawEndpoint, rawOperation } from "./raw.ts";
import { emptyReply, envelopeReply, type JsonObject, jsonReply } from "./replies.ts";
import { decodeShare } from "./wire.ts";

const ATTEMPT = "sys/generate-root/attempt";
const UPDATE = "sys/generate-root/update";

const START_FIELDS = {
  otp: goText("one-time password that the token is encoded with"),
  pgp_key: goText("PGP public key that the token is encrypted with"),
};
const SHARE_FIELDS = {
  key: goText("a share, in hexadecimal or base64"),
  nonce: goText("id of the attempt"),
};

const attemptStatus = v.object({
  nonce: v.pipe(v.string(), v.description("id of the attempt")),
  started: v.boolean(),
  progress: v.pipe(v.number(), v.description("shares given so far")),
  required: v.pipe(v.number(), v.description("shares that are needed")),
  complete: v.boolean(),
  encoded_token: v.string(),
  encoded_root_token: v.string(),
  pgp_fingerprint: v.string(),
  otp: v.pipe(v.string(), v.description("shown once, when the server has made it")),
  otp_length: v.number(),
});

const submission = rawOperation(
  { summary: "Give a share towards a root token", fields: SHARE_FIELDS, answer: attemptStatus },
  submitRaw,
);

export const GENERATE_ROOT_ENDPOINTS: readonly RawEndpoint[] = [
  {
    path: ATTEMPT,
    rootNamespaceOnly: true,
    methods: {
      GET: rawOperation(
        { summary: "Show the generation of a root token", answer: attemptStatus },
        readRaw,
      ),
      PUT: rawOperation(
        {
          summary: "Start the generation of a root token",
          fields: START_FIELDS,
          answer: attemptStatus,
        },
        startRaw,
      ),
      DELETE: rawOperation(
        { summary: "Cancel the generation of a root token", answer: null },
        cancelRaw,
      ),
      PATCH: rawOperation({ summary: "Refused", answer: null }, refusePatch),
    },
    authorise: (call) =>
      authoriseCeremony(call, call.context.options.generateRootAccess, ATTEMPT, "manage"),
  },
  {
    path: UPDATE,
    rootNamespaceOnly: true,
    // The reference reads a share whatever the method is.
    methods: { GET: submission, PUT: submission, DELETE: submission },
    authorise: (call) =>
      authoriseCeremony(
        call,
        call.context.options.generateRootAccess,
        UPDATE,
        "contribute",
        "update",
      ),
  },
  {
    path: "sys/decode-token",
    methods: {
      PUT: rawOperation(
        {
          summary: "Decode a generated root token",
          fields: {
            encoded_token: goText("the token as it was generated"),
            otp: goText("the one-time password"),
          },
          answer: v.looseObject({ data: v.object({ token: v.string() }) }),
        },
        async (call, read) => await decodeToken(call, await read()),
      ),
    },
  },
];

const DETAIL = { detail: text("show also who started it, and when") };

export const GENERATE_ROOT_TOKEN_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/generate-root-token/attempt", {
    read: logicalOperation(
      { summary: "Show the generation of a root token", fields: DETAIL },
      async ({ call }) => ({ kind: "data", data: await readStatus(call) }),
    ),
    update: logicalOperation(
      {
        summary: "Start the generation of a root token",
        fields: {
          otp: text("one-time password that the token is encoded with"),
          pgp_key: text("PGP public key that the token is encrypted with"),
        },
        answers: ["data"],
      },
      async ({ call }, { otp = "", pgp_key: pgpKey = "" }) => ({
        kind: "data",
        data: await startAttempt(call, otp, pgpKey),
      }),
    ),
    delete: logicalOperation(
      { summary: "Cancel the generation of a root token" },
      async ({ call }) => {
        await cancelAttempt(call);
        return { kind: "done" };
      },
    ),
  }),
  logicalEndpoint("sys/generate-root-token/update", {
    update: logicalOperation(
      {
        summary: "Give a share towards a root token",
        fields: {
          key: text("a share, in hexadecimal or base64"),
          nonce: text("id of the attempt"),
        },
        answers: ["data"],
      },
      async ({ call }, { key = "", nonce = "" }) => {
        if (key === "") throw invalidRequest("missing required field 'key'");
        return { kind: "data", data: await submitShare(call, key, nonce) };
      },
    ),
  }),
];

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

async function startRaw(
  call: Call,
  read: () => Promise<Sent<typeof START_FIELDS>>,
): Promise<Response> {
  const body = await read();
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

async function submitRaw(
  call: Call,
  read: () => Promise<Sent<typeof SHARE_FIELDS>>,
): Promise<Response> {
  const body = await read();
  if (body.key === "") throw invalidRequest("'key' must be specified in request body as JSON");
  return jsonReply(200, await submitShare(call, body.key, body.nonce));
}

async function decodeToken(
  call: Call,
  body: { readonly encoded_token: string; readonly otp: string },
): Promise<Response> {
  if (body.encoded_token === "") throw invalidRequest("missing encoded token");
  if (body.otp === "") throw invalidRequest("missing OTP");
  const token = decodeGeneratedToken(body.encoded_token, body.otp);
  return envelopeReply(200, { data: { token } }, call.context.random);
}

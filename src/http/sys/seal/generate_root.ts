/** `/sys/generate-root/*` with bare answers. */

import * as v from "valibot";
import { type GenerationState, OTP_CHARACTERS } from "../../../ceremony/generate_root.ts";
import { parseShare } from "../../../ceremony/shares.ts";
import type { Operation } from "../../../wire/operation.ts";
import type { Sent } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { authoriseCeremony } from "../../request/caller.ts";
import type { Call } from "../../request/call.ts";
import {
  cancelAttempt,
  fingerprintOf,
  generationDetail,
  startAttempt,
} from "./generate_root_request.ts";
import {
  count,
  goText,
  type RawEndpoint,
  type RawMethods,
  rawOperation,
} from "../../request/raw_endpoint.ts";
import { judgePatch, PATCH_REFUSED } from "../../request/patch.ts";
import { emptyReply, jsonReply } from "../../request/replies.ts";
import type { JsonObject } from "../../../wire/json_value.ts";
import { decodeShare } from "./share_text.ts";

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
  progress: count("shares given so far"),
  required: count("shares that are needed"),
  complete: v.boolean(),
  encoded_token: v.string(),
  encoded_root_token: v.string(),
  pgp_fingerprint: v.string(),
  otp: v.pipe(v.string(), v.description("shown once, when the server has made it")),
  otp_length: count("characters of a one-time password"),
});

const submission = rawOperation(
  { summary: "Give a share towards a root token", fields: SHARE_FIELDS, answer: attemptStatus },
  submit,
);
/** The reference accepts a share by any method. */
const METHODS_OF_UPDATE = ["GET", "PUT", "DELETE", "PATCH", "LIST", "SCAN", "OPTIONS"];

export const GENERATE_ROOT_ENDPOINTS: readonly RawEndpoint[] = [
  {
    path: ATTEMPT,
    methods: {
      GET: rawOperation(
        { summary: "Show the generation of a root token", answer: attemptStatus },
        readStatus,
      ),
      PUT: rawOperation(
        {
          summary: "Start the generation of a root token",
          fields: START_FIELDS,
          answer: attemptStatus,
        },
        start,
      ),
      DELETE: rawOperation(
        { summary: "Cancel the generation of a root token", answer: null },
        cancel,
      ),
      PATCH: PATCH_REFUSED,
    },
    authorise: (call) => authorise(call, ATTEMPT, "manage"),
  },
  {
    path: UPDATE,
    methods: Object.fromEntries(
      METHODS_OF_UPDATE.map((method) => [method, submission]),
    ) as RawMethods,
    authorise: (call) => authorise(call, UPDATE, "contribute", "update"),
  },
];

async function authorise(
  call: Call,
  path: string,
  step: "manage" | "contribute",
  operation?: Operation,
): Promise<void> {
  await judgePatch(call);
  const { generateRootAccess } = call.context.options;
  await authoriseCeremony(call, generateRootAccess, path, step, operation);
}

/** Members of a status besides the state: values that are sent once. */
interface Shown {
  readonly otp?: string;
  readonly otpLength: number;
  readonly encodedToken?: string;
}

function statusFields(state: GenerationState, required: number, shown: Shown): JsonObject {
  const { otp = "", otpLength, encodedToken = "" } = shown;
  const isIdle = state.phase === "idle";
  return {
    nonce: isIdle ? "" : state.attemptId,
    started: !isIdle,
    progress: isIdle ? 0 : state.given.length,
    required,
    complete: encodedToken !== "",
    encoded_token: encodedToken,
    encoded_root_token: encodedToken,
    pgp_fingerprint: fingerprintOf(state),
    otp,
    otp_length: otpLength,
  };
}

async function readStatus(call: Call): Promise<Response> {
  const { generateRoot } = call.vault.unsealed();
  const state = await generateRoot.state();
  const fields = statusFields(state, generateRoot.required, { otpLength: OTP_CHARACTERS });
  return jsonReply(200, { ...fields, ...generationDetail(call, state) });
}

async function start(
  call: Call,
  read: () => Promise<Sent<typeof START_FIELDS>>,
): Promise<Response> {
  const body = await read();
  const { state, required, otp } = await startAttempt(call, body.otp, body.pgp_key);
  return jsonReply(200, statusFields(state, required, { otp, otpLength: OTP_CHARACTERS }));
}

async function cancel(call: Call): Promise<Response> {
  await cancelAttempt(call);
  return emptyReply(204);
}

async function submit(
  call: Call,
  read: () => Promise<Sent<typeof SHARE_FIELDS>>,
): Promise<Response> {
  const { key, nonce } = await read();
  if (key === "") throw invalidRequest("'key' must be specified in request body as JSON");
  const share = parseShare(decodeShare(key), "invalid key: ");
  const outcome = await call.vault.administer((unsealed) =>
    unsealed.generateRoot.submit(share, nonce)
  );
  const token = outcome.kind === "complete" ? { encodedToken: outcome.encodedToken } : {};
  const { state } = outcome;
  return jsonReply(200, statusFields(state, state.required, { otpLength: 0, ...token }));
}

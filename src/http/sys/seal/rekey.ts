/**
 * `/sys/rekey/*` and `/sys/rekey-recovery-key/*`: the legacy endpoints of a ceremony, with bare
 * answers. `rekey_steps.ts` takes the steps.
 */

import * as v from "valibot";
import type { CeremonyState, CeremonyTarget } from "../../../ceremony/state.ts";
import type { FieldEntries, Sent } from "../../../wire/fields.ts";
import type { UnsealedVault } from "../../../vault/unsealed_vault.ts";
import { authoriseCeremony } from "../../request/caller.ts";
import type { Call } from "../../request/call.ts";
import { type RawEndpoint, type RawMethods, rawOperation } from "../../request/raw_endpoint.ts";
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
  rekeyResult,
  rekeyStatus,
  SHARE_FIELDS,
  START_FIELDS,
  verificationState,
  verified,
} from "./rekey_shapes.ts";
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
import { rekeyTexts } from "./rekey_texts.ts";
import { emptyReply, jsonReply } from "../../request/replies.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

export const REKEY_ENDPOINTS: readonly RawEndpoint[] = [
  ...familyEndpoints("sys/rekey", "barrier"),
  ...familyEndpoints("sys/rekey-recovery-key", "recovery"),
];

function familyEndpoints(prefix: string, target: CeremonyTarget): readonly RawEndpoint[] {
  const family: Family = { target, texts: rekeyTexts(target) };
  const key = target === "barrier" ? "unseal key" : "recovery key";
  const submission = rawOperation(
    {
      summary: `Give a current share to the rekey of the ${key}`,
      fields: SHARE_FIELDS,
      answer: v.union([rekeyStatus, rekeyResult]),
    },
    (call, body) => submit(call, family, body),
  );
  return [
    endpoint(`${prefix}/init`, "manage", attemptMethods(family, key)),
    endpoint(`${prefix}/update`, "contribute", { PUT: submission }),
    endpoint(`${prefix}/verify`, "contribute", verificationMethods(family, key)),
  ];
}

function endpoint(
  path: string,
  step: "manage" | "contribute",
  methods: RawMethods,
): RawEndpoint {
  return {
    path,
    methods,
    slashAlias: true,
    authorise: (call) => authoriseCeremony(call, call.context.options.rekeyAccess, path, step),
  };
}

function attemptMethods(family: Family, key: string): RawMethods {
  return {
    GET: rawOperation(
      { summary: `Show the rekey of the ${key}`, answer: rekeyStatus },
      (call) => status(call, family),
    ),
    PUT: rawOperation(
      { summary: `Start a rekey of the ${key}`, fields: START_FIELDS, answer: rekeyStatus },
      (call, body) => start(call, family, body),
    ),
    // A nonce in the body is neither needed nor compared, so the body is not read.
    DELETE: rawOperation(
      { summary: `Cancel the rekey of the ${key}`, answer: null },
      async (call) => {
        await cancelCeremony(call, family);
        return emptyReply(204);
      },
    ),
  };
}

function verificationMethods(family: Family, key: string): RawMethods {
  return {
    GET: rawOperation(
      { summary: `Show the verification of the new ${key}`, answer: verificationState },
      async (call) => jsonReply(200, await showVerification(call, call.vault.unsealed(), family)),
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
      async (call) => jsonReply(200, await restartVerification(call, family)),
    ),
  };
}

async function status(call: Call, family: Family): Promise<Response> {
  const unsealed = call.vault.unsealed();
  refuseWithoutRecovery(unsealed, family, "status");
  const state = await unsealed.rekey(family.target).state();
  return jsonReply(200, shownStatus(call, unsealed, family, state));
}

function shownStatus(
  call: Call,
  unsealed: UnsealedVault,
  { target }: Family,
  state: CeremonyState,
): JsonObject {
  const rekey = unsealed.rekey(target);
  const fields = statusFields(state, rekey.required);
  if (!call.wantsDetail) return fields;
  const warnings = statusWarnings(call, unsealed, target, state);
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
  const { parameters } = state.head;
  const verificationId = shownVerificationId(state);
  return {
    ...attemptFields(state, required),
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
  refuseWithoutRecovery(call.vault.unsealed(), family, "start");
  const request = startRequest(await read());
  const parameters = await startParameters(request, family, call.vault.unsealed());
  return await call.vault.administer(async (unsealed) => {
    const rekey = unsealed.rekey(family.target);
    const outcome = await rekey.start(parameters, call.token?.token.accessor ?? null);
    return jsonReply(200, shownStatus(call, unsealed, family, advanced(outcome, family)));
  });
}

async function submit(
  call: Call,
  family: Family,
  read: Body<typeof SHARE_FIELDS>,
): Promise<Response> {
  const submission = readShare(await read(), family);
  return await call.vault.administer(async (unsealed) => {
    const outcome = await submitShare(call, unsealed, family, submission);
    if (outcome.kind === "advanced") {
      return jsonReply(200, shownStatus(call, unsealed, family, outcome.state));
    }
    const { head, verificationId } = outcome.result;
    return jsonReply(200, {
      nonce: head.ceremonyId,
      ...resultFields(call, outcome.result),
      ...(verificationId === null ? {} : { verification_nonce: verificationId }),
    });
  });
}

async function verify(
  call: Call,
  family: Family,
  read: Body<typeof SHARE_FIELDS>,
): Promise<Response> {
  refuseWithoutRecovery(call.vault.unsealed(), family, "verify");
  return jsonReply(200, await verifyShare(call, family, readShare(await read(), family)));
}

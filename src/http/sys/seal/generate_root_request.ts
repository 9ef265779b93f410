/** Shared by both path families that generate a root token. */

import {
  createOtp,
  type GenerationState,
  OTP_CHARACTERS,
  type TokenEncoding,
} from "../../../ceremony/generate_root.ts";
import { checkPgpKey, recipientOf } from "../../../ceremony/recipients.ts";
import { invalidRequest } from "../../../errors.ts";
import type { Call } from "../../request/call.ts";
import type { JsonObject } from "../../../wire/json_value.ts";

export interface Started {
  readonly state: GenerationState;
  readonly required: number;
  /** The one-time password if the server made it; otherwise "". */
  readonly otp: string;
}

/** As in the reference, a password wins over a PGP key. Makes a password if neither is sent. */
export async function startAttempt(call: Call, otp: string, pgpKey: string): Promise<Started> {
  const made = otp === "" && pgpKey === "" ? createOtp(call.context.random) : "";
  const encoding = await tokenEncoding(made === "" ? otp : made, pgpKey);
  return await call.vault.administer(async ({ generateRoot }) => {
    const state = await generateRoot.start(encoding, call.token?.token.accessor ?? null);
    return { state, required: generateRoot.required, otp: made };
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
  return { kind: "pgp", recipient: recipientOf(key) };
}

export async function cancelAttempt(call: Call): Promise<void> {
  await call.vault.administer((unsealed) => unsealed.generateRoot.cancel());
}

/** "" if the token will not be encrypted. */
export function fingerprintOf(state: GenerationState): string {
  if (state.phase === "idle" || state.encoding.kind !== "pgp") return "";
  return state.encoding.recipient.fingerprint;
}

/** Members that `?detail=true` adds to a status. */
export function generationDetail(call: Call, state: GenerationState): JsonObject {
  if (!call.wantsDetail || state.phase === "idle") return {};
  const { encoding } = state;
  return {
    ...(encoding.kind === "pgp"
      ? { pgp_subkey_fingerprint: encoding.recipient.encryptionKeyFingerprint }
      : {}),
    started_at: new Date(state.startedAtMs).toISOString(),
    started_by: state.startedBy,
    expires_at: new Date(state.expiresAtMs).toISOString(),
  };
}

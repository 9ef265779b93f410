/** What both path families of generating a root token have in common. */

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
  /** The one-time password, when the server has made it; "" otherwise. */
  readonly otp: string;
}

/** A password wins over a PGP key, as in the reference; with neither the server makes a password. */
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

/** "" where the token is not to be encrypted. */
export function fingerprintOf(state: GenerationState): string {
  if (state.phase === "idle" || state.encoding.kind !== "pgp") return "";
  return state.encoding.recipient.fingerprint;
}

/** What `?detail=true` adds to a status. */
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

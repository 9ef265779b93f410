/** Response wrapping of any reply on request. */

import { formatShortDuration, parseDurationSeconds } from "../../wire/duration.ts";
import type { IssuedToken } from "../../access/tokens/tokens.ts";
import { invalidRequest } from "../../errors.ts";
import { WRAP_TTL_MAX_SECONDS } from "../../limits.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { Call } from "./call.ts";
import { type Envelope, envelopeReply } from "./replies.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/**
 * The seconds in `X-Vault-Wrap-TTL`, at most `WRAP_TTL_MAX_SECONDS`; null if the reply is not to be
 * wrapped. Throws `invalid_request`.
 */
export function wrapTtlSeconds(call: Call): number | null {
  const asked = askedTtlSeconds(call);
  return asked === null ? null : Math.min(asked, WRAP_TTL_MAX_SECONDS);
}

/** Warns, as for tokens, if the request asked for more than the maximum. */
export function wrapTtlWarnings(call: Call): readonly string[] {
  const asked = askedTtlSeconds(call) ?? 0;
  if (asked <= WRAP_TTL_MAX_SECONDS) return [];
  const [was, max] = [asked, WRAP_TTL_MAX_SECONDS].map(formatShortDuration);
  return [
    `TTL of "${was}" exceeded the effective max_ttl of "${max}"; TTL value is capped accordingly`,
  ];
}

function askedTtlSeconds(call: Call): number | null {
  const header = call.request.headers.get("x-vault-wrap-ttl")?.trim() ?? "";
  if (header === "") return null;
  const seconds = parseDurationSeconds(header);
  if (seconds !== null) return seconds === 0 ? null : seconds;
  // In the reference, a duration that is too long overflows into a negative number.
  const reason = /^-?[0-9.]+[a-zµμ]*$/.test(header)
    ? "requested wrap ttl cannot be negative"
    : `time: invalid duration ${JSON.stringify(header)}`;
  throw invalidRequest(`error parsing X-Vault-Wrap-TTL header: ${reason}`);
}

const SHARES_UNWRAPPED =
  "the answer may hold key shares in clear, and a wrapped answer is stored " +
  "in the vault until it is fetched: nothing was done. Send the request without X-Vault-Wrap-TTL " +
  "(a policy that demands wrapping on this path has to be changed), or start with a PGP key for " +
  "each share";

/**
 * Refuses to wrap an answer that may hold bare shares, which wrapping would store. To be called
 * before anything is changed. Throws `invalid_request`.
 */
export function refuseWrappedShares(call: Call, mayHoldShares: boolean): void {
  if (mayHoldShares && wrapTtlSeconds(call) !== null) throw invalidRequest(SHARES_UNWRAPPED);
}

/** The `wrap_info` of an answer. */
export function wrapInfo({ id, token }: IssuedToken): JsonObject {
  return {
    token: id,
    accessor: token.accessor,
    ttl: Math.floor(token.creationTtlSeconds),
    creation_time: new Date(token.createdAtMs).toISOString(),
    creation_path: token.path,
  };
}

/** Stores a reply and answers with the token that unwraps it. */
export async function wrapReply(
  request: { readonly call: Call; readonly unsealed: UnsealedVault; readonly path: string },
  envelope: Envelope,
  ttlSeconds: number,
  sealWrap: boolean,
): Promise<Response> {
  const { call, unsealed, path } = request;
  const { random } = call.context;
  const issued = await unsealed.wrapping.wrap(envelope as JsonObject, path, ttlSeconds, sealWrap, {
    displayName: call.token?.token.displayName ?? "",
  });
  // A secret id has an accessor too.
  const ofSecretId = path.startsWith("auth/") ? envelope.data?.["secret_id_accessor"] : undefined;
  const accessor = envelope.auth?.["accessor"] ?? ofSecretId;
  const info = wrapInfo(issued);
  const withAccessor = typeof accessor === "string" && accessor !== ""
    ? { ...info, wrapped_accessor: accessor }
    : info;
  // The unwrapping request gives the reply its id. As in the reference, this answer has none.
  const warnings = wrapTtlWarnings(call);
  const wrapped = { data: null, wrapInfo: withAccessor, requestId: "", warnings };
  return envelopeReply(200, wrapped, random);
}

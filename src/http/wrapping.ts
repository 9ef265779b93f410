/** The wrapping of any reply on request. */

import { parseDurationSeconds } from "../access/duration.ts";
import type { IssuedToken } from "../access/tokens.ts";
import { invalidRequest } from "../errors.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import type { Call } from "./call.ts";
import { type Envelope, envelopeReply, type JsonObject } from "./replies.ts";

/** Seconds asked by `X-Vault-Wrap-TTL`; null when the reply is not to be wrapped. */
export function wrapTtlSeconds(call: Call): number | null {
  const header = call.request.headers.get("x-vault-wrap-ttl")?.trim() ?? "";
  if (header === "") return null;
  const seconds = parseDurationSeconds(header);
  if (seconds === null) {
    throw invalidRequest("error parsing X-Vault-Wrap-TTL header: wanted seconds or a duration");
  }
  return seconds === 0 ? null : seconds;
}

/** How a wrapped reply is announced. */
export function wrapInfo({ id, token }: IssuedToken): JsonObject {
  return {
    token: id,
    accessor: token.accessor,
    ttl: token.creationTtlSeconds,
    creation_time: new Date(token.createdAtMs).toISOString(),
    creation_path: token.path,
  };
}

/** Keeps a reply and answers with the token that opens it. */
export async function wrapReply(
  request: { readonly call: Call; readonly open: OpenVault; readonly path: string },
  envelope: Envelope,
  ttlSeconds: number,
  sealWrap: boolean,
): Promise<Response> {
  const { call, open, path } = request;
  const issued = await open.wrapping.wrap(envelope as JsonObject, path, ttlSeconds, sealWrap);
  const accessor = envelope.auth?.["accessor"];
  const info = wrapInfo(issued);
  const withAccessor = typeof accessor === "string"
    ? { ...info, wrapped_accessor: accessor }
    : info;
  const { requestId } = call;
  return envelopeReply(200, { data: null, wrapInfo: withAccessor, requestId }, call.context.random);
}

/** Responses in Vault's shapes: bare objects, the envelope, errors, and nothing. */

import { type RandomBytes, randomUuid } from "../../crypto/random.ts";
import type { JsonObject } from "../../wire/json_value.ts";

const HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
};

export function jsonReply(status: number, body: JsonObject): Response {
  return textReply("application/json", `${JSON.stringify(body)}\n`, status);
}

export function textReply(contentType: string, text: string, status = 200): Response {
  return new Response(text, { status, headers: { ...HEADERS, "Content-Type": contentType } });
}

/** Some clients expect a content type even without content. */
export function emptyReply(status: number): Response {
  return new Response(null, {
    status,
    headers: { ...HEADERS, "Content-Type": "application/json" },
  });
}

export function errorReply(status: number, errors: readonly string[]): Response {
  return jsonReply(status, { errors });
}

export function redirectReply(location: string): Response {
  return new Response(null, { status: 307, headers: { ...HEADERS, Location: location } });
}

/** A body other than JSON, sent as it is. */
export interface RawBody {
  readonly contentType: string;
  readonly text: string;
}

export interface Envelope {
  /** Sent instead of the envelope. A wrapped one is handed out unchanged. */
  readonly raw?: RawBody;
  readonly data?: JsonObject | null;
  readonly auth?: JsonObject | null;
  readonly leaseSeconds?: number;
  readonly warnings?: readonly string[] | undefined;
  readonly wrapInfo?: JsonObject | null;
  /** Repeats the members of `data` at the top level, where older clients read them. */
  readonly copiesData?: boolean;
  /** Defaults to a new one. */
  readonly requestId?: string;
}

export function envelopeReply(status: number, envelope: Envelope, random: RandomBytes): Response {
  const { data = null, auth = null, wrapInfo = null, leaseSeconds = 0 } = envelope;
  const { warnings, copiesData = false, requestId, raw } = envelope;
  if (raw !== undefined) return textReply(raw.contentType, raw.text, status);
  return jsonReply(status, {
    ...(copiesData ? data : {}),
    request_id: requestId ?? randomUuid(random),
    lease_id: "",
    renewable: false,
    lease_duration: leaseSeconds,
    data,
    wrap_info: wrapInfo,
    warnings: warnings === undefined || warnings.length === 0 ? null : warnings,
    auth,
  });
}

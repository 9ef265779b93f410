/** A token as the API shows it: when it was made or renewed, and when it is looked up. */

import type { Token } from "../access/token.ts";
import type { LogicalReply } from "./logical.ts";
import type { JsonObject } from "./replies.ts";

/** The `auth` object of a new or renewed token. */
export function authFields(id: string, token: Token, leaseSeconds: number): JsonObject {
  return {
    client_token: id,
    accessor: token.accessor,
    policies: token.policies,
    token_policies: token.policies,
    metadata: token.meta,
    lease_duration: leaseSeconds,
    renewable: token.renewable,
    entity_id: "",
    token_type: token.type,
    orphan: token.orphan,
    mfa_requirement: null,
    num_uses: Math.max(0, token.uses),
  };
}

/** `id` is "" where the caller knows only the accessor. */
export function describeToken(token: Token, id: string, nowMs: number): LogicalReply {
  const expires = token.expiresAtMs;
  const neverExpires = expires === null;
  return {
    kind: "data",
    data: {
      accessor: token.accessor,
      ...(token.boundCidrs.length === 0 ? {} : { bound_cidrs: token.boundCidrs }),
      creation_time: Math.floor(token.createdAtMs / 1000),
      creation_ttl: token.creationTtlSeconds,
      display_name: token.displayName,
      entity_id: "",
      expire_time: neverExpires ? null : new Date(expires).toISOString(),
      explicit_max_ttl: token.explicitMaxTtlSeconds,
      id,
      ...(neverExpires ? {} : { issue_time: new Date(token.createdAtMs).toISOString() }),
      ...renewalFields(token),
      meta: token.meta,
      num_uses: Math.max(0, token.uses),
      orphan: token.orphan,
      path: token.path,
      ...(token.periodSeconds === 0 ? {} : { period: token.periodSeconds }),
      policies: token.policies,
      ...(neverExpires ? {} : { renewable: token.renewable }),
      ...(token.role === null ? {} : { role: token.role }),
      ttl: neverExpires ? 0 : Math.max(0, Math.ceil((expires - nowMs) / 1000)),
      type: token.type,
    },
  };
}

function renewalFields(token: Token): JsonObject {
  if (token.lastRenewalMs === null) return {};
  return {
    last_renewal: new Date(token.lastRenewalMs).toISOString(),
    last_renewal_time: Math.floor(token.lastRenewalMs / 1000),
  };
}

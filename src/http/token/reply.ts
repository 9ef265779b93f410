/** A token as a lookup shows it. */

import { isInitial, type Token } from "../../access/tokens/token.ts";
import type { LogicalReply } from "../request/logical.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/** `id` is "" if the caller knows only the accessor. */
export function describeToken(token: Token, id: string, nowMs: number): LogicalReply {
  const { expiresAtMs, periodSeconds } = token;
  // The tokens of init and generate-root never had a lease.
  const hasLease = !isInitial(token);
  return {
    kind: "data",
    data: {
      accessor: token.accessor,
      ...(token.boundCidrs.length === 0 ? {} : { bound_cidrs: token.boundCidrs }),
      creation_time: Math.floor(token.createdAtMs / 1000),
      creation_ttl: Math.floor(token.creationTtlSeconds),
      display_name: token.displayName,
      entity_id: token.entityId ?? "",
      expire_time: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
      explicit_max_ttl: Math.floor(token.explicitMaxTtlSeconds),
      id,
      ...(hasLease ? { issue_time: new Date(token.createdAtMs).toISOString() } : {}),
      ...renewalFields(token),
      meta: token.meta,
      num_uses: token.uses,
      orphan: token.orphan,
      path: token.path,
      ...(periodSeconds === 0 ? {} : { period: Math.floor(periodSeconds) }),
      policies: token.policies,
      ...(hasLease ? { renewable: token.renewable } : {}),
      ...(token.role === null ? {} : { role: token.role }),
      ttl: expiresAtMs === null ? 0 : Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000)),
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

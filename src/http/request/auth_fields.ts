/** The `auth` object of an answer that carries a token. Pure. */

import type { JsonObject } from "../../wire/json_value.ts";
import type { Token } from "../../access/tokens/token.ts";

/** `id` is the new or renewed token, or "" to withhold it. */
export function authFields(id: string, token: Token, leaseSeconds: number): JsonObject {
  return {
    client_token: id,
    accessor: token.accessor,
    policies: token.policies,
    ...(token.policies.length === 0 ? {} : { token_policies: token.policies }),
    metadata: token.meta,
    lease_duration: Math.floor(leaseSeconds),
    renewable: token.renewable,
    entity_id: token.entityId ?? "",
    token_type: token.type,
    orphan: token.orphan,
    mfa_requirement: null,
    num_uses: token.grantedUses,
  };
}

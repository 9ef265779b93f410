/**
 * Renewing a token that came from a login: by what its user or role says now, not when it logged in.
 * Only the explicit maximum stays what the login gave, as in the reference (`pathLoginRenew`).
 */

import { listedMistake } from "../../wire/multi_error.ts";
import { ageSeconds, type Lifetime, lifetime } from "../../access/tokens/lifetime.ts";
import type { Token } from "../../access/tokens/token.ts";
import type { AuthMounts } from "../mounts/auth_mounts.ts";
import { leaseLimits } from "../../access/tokens/lease_limits.ts";

/**
 * How long the token may live from now on; null for one of the token store; `unchanged` when its user
 * is gone, and with him any reason to renew it. Throws `invalid_request` when its role is gone, its
 * user has other policies now, or its time is over.
 */
export async function renewLogin(
  logins: AuthMounts,
  token: Token,
  incrementSeconds: number,
  nowMs: number,
): Promise<Lifetime | "unchanged" | null> {
  const found = logins.route(token.path);
  if (found?.mount.type === "token") return null;
  if (found === null || found.mount.closing) {
    throw listedMistake("failed to renew entry: its auth method does not exist any more");
  }
  const method = await logins.methodOf(found.mount);
  const now = await method?.renewalRules(token) ?? null;
  if (now === null) return "unchanged";
  const rules = { ...now, explicitMaxTtlSeconds: token.explicitMaxTtlSeconds };
  const age = ageSeconds(token.createdAtMs, nowMs);
  const life = lifetime(rules, leaseLimits(found.mount), age, incrementSeconds);
  if (life.ttlSeconds === 0) throw listedMistake("past the max TTL, cannot renew");
  return life;
}

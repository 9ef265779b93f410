/**
 * Renewing a token that came from a login. The user's or role's current rules apply, except that
 * the explicit maximum stays as set at login, as in OpenBao (`pathLoginRenew`).
 */

import { listedMistake } from "../../wire/multi_error.ts";
import { ageSeconds, type Lifetime, lifetime } from "../../access/tokens/lifetime.ts";
import type { Token } from "../../access/tokens/token.ts";
import type { AuthMounts } from "../mounts/auth_mounts.ts";
import { leaseLimits } from "../../access/tokens/lease_limits.ts";

/**
 * The token's new lifetime; null if it came from the token store, `unchanged` if its user is gone.
 * Throws `invalid_request` if its auth method or role is gone, its user now has other policies, or
 * it is past its maximum TTL.
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
  const current = await method?.renewalRules(token) ?? null;
  if (current === null) return "unchanged";
  const rules = { ...current, explicitMaxTtlSeconds: token.explicitMaxTtlSeconds };
  const age = ageSeconds(token.createdAtMs, nowMs);
  const life = lifetime(rules, leaseLimits(found.mount), age, incrementSeconds);
  if (life.ttlSeconds === 0) throw listedMistake("past the max TTL, cannot renew");
  return life;
}

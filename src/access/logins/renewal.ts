/** Renewing a token that came from a login: by what its user or role says now, not when it logged in. */

import { invalidRequest } from "../../errors.ts";
import { DEFAULT_POLICY_NAME } from "../default_policy.ts";
import type { Token } from "../token.ts";
import type { LoginMount, LoginMounts } from "./login_mounts.ts";
import { leaseLimits } from "./lease_limits.ts";
import { type Lifetime, lifetime, tokenPolicies, type TokenRules } from "./token_rules.ts";

/**
 * How long the token may live from now on; null for one of the token store. Throws `invalid_request`
 * when its user or role is gone or has other policies now, or its time is over.
 */
export async function renewLogin(
  logins: LoginMounts,
  token: Token,
  incrementSeconds: number,
  nowMs: number,
): Promise<Lifetime | null> {
  const found = logins.route(token.path);
  if (found?.mount.type === "token") return null;
  if (found === null || found.mount.closing) throw gone("auth method");
  const rules = await rulesNow(logins, found.mount, token);
  const ageSeconds = Math.floor((nowMs - token.createdAtMs) / 1000);
  const life = lifetime(rules, leaseLimits(found.mount), ageSeconds, incrementSeconds);
  if (life.ttlSeconds === 0) throw invalidRequest("past the max TTL, cannot renew");
  return life;
}

async function rulesNow(
  logins: LoginMounts,
  mount: LoginMount,
  { meta, policies }: Token,
): Promise<TokenRules> {
  if (mount.type === "approle") {
    const role = await (await logins.appRole(mount)).read(meta?.["role_name"] ?? "");
    if (role === null) throw gone("role");
    return role.rules;
  }
  const rules = await (await logins.userpass(mount)).rules(meta?.["username"] ?? "");
  if (rules === null) throw gone("user");
  if (withoutDefault(tokenPolicies(rules)) !== withoutDefault(policies)) {
    throw invalidRequest("policies have changed, not renewing");
  }
  return rules;
}

function withoutDefault(policies: readonly string[]): string {
  return policies.filter((name) => name !== DEFAULT_POLICY_NAME).join("\n");
}

function gone(what: string) {
  return invalidRequest(`could not renew the token: its ${what} does not exist any more`);
}

/** Renews tokens of the token store and of logins, by token or by accessor. */

import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import type { Lifetime } from "../../access/tokens/lifetime.ts";
import { isInitial, SPENT_USES, type StoredToken, type Token } from "../../access/tokens/token.ts";
import type { TokenRole } from "../../access/tokens/token_roles.ts";
import { renewedTerms } from "../../access/tokens/token_terms.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { listedMistake, listingMistakes } from "../../wire/multi_error.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import { renewLogin } from "../../vault/login/renewal.ts";
import type { LogicalCall, LogicalReply } from "../request/logical.ts";
import { authFields } from "../request/auth_fields.ts";

/** The answer repeats `id`. Throws `invalid_request` with the reason. */
export async function renewById(
  request: LogicalCall,
  stored: StoredToken,
  id: string,
  increment: number,
): Promise<LogicalReply> {
  const why = whyNotRenewable(stored.token);
  if (why !== null) throw invalidRequest(why);
  return await renew(request, stored, id, increment);
}

/**
 * The answer omits the token, because a caller who knows only the accessor must not learn it. Nor
 * does it say why a token cannot be renewed. Throws `invalid_request`.
 */
export async function renewByAccessor(
  request: LogicalCall,
  stored: StoredToken,
  increment: number,
): Promise<LogicalReply> {
  if (whyNotRenewable(stored.token) !== null) throw listedMistake("invalid request");
  return await renew(request, stored, "", increment);
}

function whyNotRenewable(token: Token): string | null {
  // This request is its last, so it is as good as gone.
  if (token.uses === SPENT_USES) return "token not found";
  if (token.type === "batch") return "batch tokens cannot be renewed";
  if (isInitial(token)) return "invalid lease ID";
  return token.renewable && token.expiresAtMs !== null ? null : "lease is not renewable";
}

async function renew(
  { call, unsealed }: LogicalCall,
  stored: StoredToken,
  id: string,
  increment: number,
): Promise<LogicalReply> {
  const nowMs = call.context.nowMs();
  const life = await renewLogin(unsealed.logins, stored.token, increment, nowMs) ??
    await renewedLife(unsealed, stored.token, increment, nowMs);
  if (life === "unchanged") return { kind: "done" };
  const renewed = await unsealed.tokens.renew(stored, life.ttlSeconds);
  if (renewed === null) throw new VaultError("unauthenticated", "permission denied");
  const auth = authFields(id, renewed, life.ttlSeconds);
  return { kind: "data", data: null, auth, warnings: life.warnings };
}

async function renewedLife(
  unsealed: UnsealedVault,
  token: Token,
  increment: number,
  nowMs: number,
): Promise<Lifetime> {
  const role = await roleOf(unsealed, token);
  const limits = leaseLimits(unsealed.logins.token);
  // D1: the reference answers 500, in multierror's form.
  return listingMistakes(() => renewedTerms(token, role, limits, increment, nowMs));
}

async function roleOf(
  { tokenRoles }: UnsealedVault,
  { role: name }: Token,
): Promise<TokenRole | null> {
  if (name === null) return null;
  const role = await tokenRoles.read(name);
  if (role !== null) return role;
  const why = `original token role ${JSON.stringify(name)} could not be found, not renewing`;
  throw listedMistake(`failed to renew entry: ${why}`);
}

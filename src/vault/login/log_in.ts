/**
 * Logging in: lockouts, the entity, and the token. The auth method decides only whether a login
 * succeeds.
 */

import type { AuthMount } from "../../access/auth_mount.ts";
import { Lockouts } from "../../access/identity/lockouts.ts";
import { type LoginOutcome, loginToken } from "../../access/tokens/login_token.ts";
import type { IssuedToken } from "../../access/tokens/tokens.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { UnsealedVault } from "../unsealed_vault.ts";

export interface LoginPorts {
  readonly unsealed: UnsealedVault;
  readonly mount: AuthMount;
  readonly nowMs: () => number;
}

/** Throws `unauthenticated` if the alias has failed too often. */
export async function refuseLocked(ports: LoginPorts, alias: string): Promise<void> {
  if (await lockoutsOf(ports).isLocked(alias)) throw lockedOut();
}

/**
 * Issues the token of a successful login. Throws `invalid_request` for a refused login, which it
 * counts, or if the mount is closing; throws `unauthenticated` if the alias is locked by then.
 */
export async function logIn(
  ports: LoginPorts,
  outcome: LoginOutcome,
): Promise<{ readonly issued: IssuedToken; readonly warnings: readonly string[] }> {
  const { unsealed, mount, nowMs } = ports;
  const lockouts = lockoutsOf(ports);
  if (outcome.kind === "refused") {
    if (!await lockouts.fail(outcome.alias)) throw lockedOut();
    throw invalidRequest(outcome.why);
  }
  const { login } = outcome;
  // Parallel guesses must not get more tries than sequential ones, so a login that succeeds after
  // the alias was locked is refused.
  await refuseLocked(ports, login.alias.name);
  const { template, warnings } = loginToken(mount, login, nowMs());
  const { id: entityId } = await unsealed.entities.atLogin(mount, login.alias);
  const issued = await unsealed.tokens.create({ ...template, entityId });
  // The mount's tokens may have been revoked while this one was issued.
  if (!unsealed.logins.isOpen(mount)) {
    if (template.type === "service") await unsealed.revokeTree(issued);
    throw invalidRequest("could not log in: the auth method is being removed or moved");
  }
  await lockouts.forget(login.alias.name);
  return { issued, warnings };
}

function lockoutsOf({ unsealed, mount, nowMs }: LoginPorts): Lockouts {
  return new Lockouts(unsealed.barrier, mount, nowMs);
}

function lockedOut(): VaultError {
  return new VaultError("unauthenticated", "permission denied");
}

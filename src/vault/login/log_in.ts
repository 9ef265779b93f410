/**
 * Logging in: aliases that are locked out, the entity of the login, and the token it earns. A method
 * says only whether a login succeeds.
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

/** Throws `unauthenticated` for an alias that has failed too often. */
export async function refuseLocked(ports: LoginPorts, alias: string): Promise<void> {
  if (await lockoutsOf(ports).isLocked(alias)) throw lockedOut();
}

/**
 * The token of a login that succeeded. Throws `invalid_request` for one that was refused, which it
 * counts, and `unauthenticated` for an alias that is locked by now.
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
  // Guesses made at the same time must not be more than one after the other: the outcome of those
  // beyond the last one that counts is not told.
  await refuseLocked(ports, login.alias.name);
  const { template, warnings } = loginToken(mount, login, nowMs());
  const { id: entityId } = await unsealed.entities.atLogin(mount, login.alias);
  const issued = await unsealed.tokens.create({ ...template, entityId });
  // The mount's tokens may have been revoked while this one was being made.
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

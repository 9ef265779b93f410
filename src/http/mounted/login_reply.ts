/** Logging in: who is locked out, whose login it is, and the token that it earns. */

import { entitiesOf } from "../sys/access/entities.ts";
import { Lockouts } from "../../access/identity/lockouts.ts";
import { type LoginOutcome, loginToken } from "../../access/tokens/login_token.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { LogicalReply } from "../request/logical.ts";
import type { LoginCall } from "../../methods/method.ts";
import { authFields } from "../token/reply.ts";

/** Throws `unauthenticated` for an alias that has failed too often. */
export async function refuseLocked(request: LoginCall, alias: string): Promise<void> {
  if (await lockoutsOf(request).isLocked(alias)) throw lockedOut();
}

export async function answerLogin(
  request: LoginCall,
  outcome: LoginOutcome,
): Promise<LogicalReply> {
  const { call, mount, open } = request;
  const lockouts = lockoutsOf(request);
  if (outcome.kind === "refused") {
    if (!await lockouts.fail(outcome.alias)) throw lockedOut();
    throw invalidRequest(outcome.why);
  }
  const { login } = outcome;
  // Guesses made at the same time must not be more than one after the other: what is found out after
  // the last one that counts is not told.
  await refuseLocked(request, login.alias.name);
  const { template, warnings } = loginToken(mount, login, call.context.nowMs());
  const { id: entityId } = await entitiesOf(request).atLogin(mount, login.alias);
  const issued = await open.tokens.create({ ...template, entityId });
  // The mount's tokens may have been revoked while this one was being made.
  if (!open.logins.isOpen(mount)) {
    if (template.type === "service") await open.revokeTree(issued);
    throw invalidRequest("could not log in: the auth method is being removed or moved");
  }
  await lockouts.forget(login.alias.name);
  const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
  return { kind: "data", data: null, auth, warnings };
}

function lockoutsOf({ call, mount, open }: LoginCall): Lockouts {
  return new Lockouts(open.barrier, mount, call.context.nowMs);
}

function lockedOut(): VaultError {
  return new VaultError("unauthenticated", "permission denied");
}

/**
 * Which requests have a trail, and from which moment on. A request that nothing could be written
 * about has none: no device is enabled, or the vault is sealed.
 */

import { AuditFailed } from "../../audit/devices.ts";
import { causeOf } from "../../errors.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import { type Asked, AuditTrail, type TrailRules } from "./audit_trail.ts";
import { recognise } from "./caller.ts";
import type { Call } from "./call.ts";
import { decodePath } from "./targets.ts";
import { METHOD_OPERATIONS } from "../../wire/operation.ts";

const WHOLE: TrailRules = { answers: true, mustAnswer: false };

/** Gives a call its trail. Throws `sealed` when the devices are being closed. */
export function startTrail(
  call: Call,
  unsealed: UnsealedVault,
  asked: Asked,
  rules: TrailRules = WHOLE,
): void {
  if (unsealed.audit.isEnabled) call.trail = new AuditTrail(call, unsealed, asked, rules);
}

/** The same for a raw endpoint, whose body is looked at before the handler reads it. */
export async function startRawTrail(call: Call, rules: TrailRules = WHOLE): Promise<void> {
  if (auditedVault(call) === null) return;
  const data = await call.body().catch(() => ({}));
  // It may have been sealed while the body came.
  const unsealed = auditedVault(call);
  if (unsealed !== null) startTrail(call, unsealed, { ...bareAsked(call), data }, rules);
}

/** For what a raw endpoint is for anybody may ask; a token is looked at for the trail alone. */
export async function startHelpTrail(call: Call): Promise<void> {
  const unsealed = auditedVault(call);
  if (unsealed === null) return;
  await recognise(call, unsealed);
  startTrail(call, unsealed, bareAsked(call));
}

/**
 * Records a refusal. The answer is to be made from what this resolves with: the same error, or that
 * of the trail, which must not hide behind it. A request that was refused before it had a trail gets
 * one if a valid token came with it; nothing that it sent is shown, for it could not be read.
 */
export async function recordRefusal(call: Call, error: unknown): Promise<unknown> {
  if (error instanceof AuditFailed) return error;
  try {
    if (call.trail === null) await startUnreadTrail(call);
    await call.trail?.refused(error);
    return error;
  } catch (failure) {
    return failure;
  }
}

async function startUnreadTrail(call: Call): Promise<void> {
  const unsealed = auditedVault(call);
  if (unsealed === null || await recognise(call, unsealed) === null) return;
  startTrail(call, unsealed, bareAsked(call));
}

/** How a request ended that may have opened the vault. */
export type Ending = { readonly response: Response } | { readonly error: unknown };

/**
 * Writes both lines after the work, of a request that came while nothing was open. Never rejects:
 * its answer may hold the shares of a new vault, and must be given.
 */
export async function recordOpening(call: Call, ending: Ending): Promise<void> {
  try {
    await startRawTrail(call, { answers: true, mustAnswer: true });
    if ("error" in ending) return await call.trail?.refused(ending.error);
    await call.trail?.begin(null);
    await call.trail?.answerBody(ending.response);
  } catch (error) {
    const { path } = call;
    call.context.log.error("a request has no audit entry", { path, reason: causeOf(error) });
  }
}

/** The unsealed vault, if it has an audit device. */
function auditedVault({ vault }: Call): UnsealedVault | null {
  if (vault.status().sealed) return null;
  const unsealed = vault.unsealed();
  return unsealed.audit.isEnabled ? unsealed : null;
}

/** What can be said of a request from its method and path, without its body. */
function bareAsked(call: Call): Asked {
  const operation = call.wantsHelp ? "help" : METHOD_OPERATIONS.get(call.method) ?? "unknown";
  return { path: shownPath(call.path).replace(/\/$/, ""), operation, data: {} };
}

/** A path that cannot be decoded is shown as it was sent. */
function shownPath(path: string): string {
  try {
    return decodePath(path);
  } catch {
    return path;
  }
}

/**
 * Decides which requests have an audit trail, and from when. A request has none if no device is
 * enabled or the vault is sealed.
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

/** Gives a call its trail. Throws `sealed` while the devices are being closed. */
export function startTrail(
  call: Call,
  unsealed: UnsealedVault,
  asked: Asked,
  rules: TrailRules = WHOLE,
): void {
  if (unsealed.audit.isEnabled) call.trail = new AuditTrail(call, unsealed, asked, rules);
}

/** Like `startTrail`, for a raw endpoint: the body is read before its handler reads it. */
export async function startRawTrail(call: Call, rules: TrailRules = WHOLE): Promise<void> {
  if (auditedVault(call) === null) return;
  const data = await call.body().catch(() => ({}));
  // The vault may have been sealed while the body arrived.
  const unsealed = auditedVault(call);
  if (unsealed !== null) startTrail(call, unsealed, { ...bareAsked(call), data }, rules);
}

/** Help on a raw endpoint needs no token. One that was sent is looked up for the trail only. */
export async function startHelpTrail(call: Call): Promise<void> {
  const unsealed = auditedVault(call);
  if (unsealed === null) return;
  await recognise(call, unsealed);
  startTrail(call, unsealed, bareAsked(call));
}

/**
 * Records a refusal, and resolves with the error to answer: the same one, or the trail's own
 * failure, which must not be hidden. A request refused before it had a trail gets one if it carries
 * a valid token. Its data is not shown, because it could not be read.
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

/** The outcome of a request that may have unsealed the vault. */
export type Ending = { readonly response: Response } | { readonly error: unknown };

/**
 * Writes both lines after the work, for a request that arrived while the vault was sealed. Never
 * rejects: the answer may hold the shares of a new vault, and must be sent.
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

/** What the method and path say about a request, without its body. */
function bareAsked(call: Call): Asked {
  const operation = call.wantsHelp ? "help" : METHOD_OPERATIONS.get(call.method) ?? "unknown";
  return { path: shownPath(call.path).replace(/\/$/, ""), operation, data: {} };
}

/** A path that cannot be decoded is shown as sent. */
function shownPath(path: string): string {
  try {
    return decodePath(path);
  } catch {
    return path;
  }
}

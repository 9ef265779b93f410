/** Identifies the caller of a request, and asks the policies whether they may make it. */

import { mayComeFrom } from "../../access/cidr.ts";
import { SPENT_USES, type StoredToken } from "../../access/tokens/token.ts";
import { VaultError } from "../../errors.ts";
import { multiError } from "../../wire/multi_error.ts";
import { METHOD_OPERATIONS, type Operation } from "../../wire/operation.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { AccessMode, Call } from "./call.ts";
import { judgedLiteral } from "../../access/policies/judged_path.ts";
import { parameters } from "./json.ts";
import { decodePath } from "./targets.ts";
import type { JsonObject } from "../../wire/json_value.ts";

/** The refusal of a valid token whose policies do not allow the request. */
export function denied(): VaultError {
  return new VaultError("denied", multiError(["permission denied"]));
}

/** The request's valid token, with one use spent. Throws `unauthenticated`. */
export async function authenticate(call: Call, unsealed: UnsealedVault): Promise<StoredToken> {
  const used = await unsealed.tokens.use(await identify(call, unsealed));
  if (used === null) throw refuseToken(call);
  call.token = used;
  call.endsToken = used.token.uses === SPENT_USES;
  return used;
}

/**
 * The request's valid token. Throws `unauthenticated`, also for a token bound to other addresses.
 */
export async function identify(call: Call, unsealed: UnsealedVault): Promise<StoredToken> {
  const stored = await unsealed.tokens.find(call.tokenText);
  if (stored === null || !mayComeFrom(call.remoteAddress, stored.token.boundCidrs)) {
    throw refuseToken(call);
  }
  call.token = stored;
  return stored;
}

/**
 * Like `identify`, for a request that does not need its token: null if there is no valid one. An
 * invalid token counts towards the rate limit. Throws `rate_limited`.
 */
export async function recognise(call: Call, unsealed: UnsealedVault): Promise<StoredToken | null> {
  if (call.tokenText === "") return null;
  try {
    return await identify(call, unsealed);
  } catch (error) {
    if (error instanceof VaultError && error.code === "unauthenticated") return null;
    throw error;
  }
}

function refuseToken(call: Call): VaultError {
  call.token = null;
  call.countAnonymous();
  return new VaultError("unauthenticated", "permission denied");
}

/** Revokes a token that has spent its last use, once its request is answered. */
export async function endSpentToken(call: Call): Promise<void> {
  if (!call.endsToken || call.token === null) return;
  call.endsToken = false;
  if (!call.vault.status().sealed) await call.vault.unsealed().revokeTree(call.token);
}

/**
 * Asks the policies about a raw endpoint's literal path, with or without a trailing slash, and
 * about the data sent to it. Throws `denied` or `unauthenticated`.
 */
export async function authoriseByPolicy(
  call: Call,
  path: string,
  operation: Operation,
  needsSudo: boolean,
): Promise<void> {
  const unsealed = call.vault.unsealed();
  const { token } = await authenticate(call, unsealed);
  const acl = await unsealed.policies.acl(token.policies, token.entityId);
  const data = acl.isRoot ? {} : await judgedData(call, operation);
  const judged = judgedLiteral(path, decodePath(call.path));
  if (!acl.allows({ ...judged, operation, data, needsSudo }).allowed) {
    throw denied();
  }
}

/** The data that a policy's parameter rules see. A bad body is left to the endpoint to refuse. */
async function judgedData(call: Call, operation: Operation): Promise<JsonObject> {
  switch (operation) {
    case "read":
      return parameters(call.query, ["help"]);
    case "update":
      return await call.jsonBody().catch(() => ({}));
    default:
      return {};
  }
}

/**
 * The access modes of the legacy ceremony endpoints. `token`: policies always decide.
 * `token-to-start`: anyone may read, or give a share with the nonce. `open`: no token is needed.
 */
export async function authoriseCeremony(
  call: Call,
  mode: AccessMode,
  path: string,
  step: "manage" | "contribute",
  operation: Operation = METHOD_OPERATIONS.get(call.method) ?? "update",
): Promise<void> {
  if (mode === "open") return call.countAnonymous();
  const harmless = operation === "read" || (step === "contribute" && operation === "update");
  if (mode === "token-to-start" && harmless) return call.countAnonymous();
  await authoriseByPolicy(call, path, operation, false);
}

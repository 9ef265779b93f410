/** `/auth/token/*`: creating, looking up, renewing and revoking tokens. */

import type { Hono } from "hono";
import { type LeaseLimits, leaseLimits } from "../access/logins/lease_limits.ts";
import type { StoredToken, Token } from "../access/token.ts";
import { readDurationSeconds, readText, requestFields } from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { oneError } from "./errors.ts";
import {
  type LogicalCall,
  type LogicalReply,
  type Operations,
  registerLogical,
} from "./logical.ts";
import { createToken } from "./token_create.ts";
import { authFields, describeToken } from "./token_reply.ts";

const PREFIX = "auth/token";
const DONE: LogicalReply = { kind: "done" };

export function registerTokenEndpoints(app: Hono, context: AppContext): void {
  const register = (name: string, operations: Operations, sudo = false): void =>
    registerLogical(app, context, { path: `${PREFIX}/${name}`, operations, sudo });
  register("create", { update: (request) => createToken(request, { orphan: false, role: null }) });
  register(
    "create-orphan",
    { update: (request) => createToken(request, { orphan: true, role: null }) },
    true,
  );
  register("create/*", { update: createByRole });
  register("lookup-self", { read: lookupSelf, update: lookupSelf });
  register("lookup", { read: lookup, update: lookup });
  register("lookup-accessor", { update: lookupAccessor });
  register("renew-self", { update: renewSelf });
  register("renew", { update: renewOther });
  register("renew-accessor", { update: renewAccessor });
  register("revoke-self", { update: revokeSelf });
  register("revoke", { update: revokeOther });
  register("revoke-accessor", { update: revokeAccessor });
  register("revoke-orphan", { update: revokeOrphan }, true);
  register("accessors", { list: accessors }, true);
  register("accessors/", { list: accessors }, true);
  register("tidy", { update: tidy });
}

function self({ call }: LogicalCall): StoredToken {
  if (call.token === null) throw new VaultError("unauthenticated", "permission denied");
  return call.token;
}

async function createByRole(request: LogicalCall): Promise<LogicalReply> {
  const name = request.path.slice(`${PREFIX}/create/`.length);
  const role = await request.open.tokenRoles.read(name);
  if (role === null) throw invalidRequest(`unknown role ${name}`);
  return await createToken(request, { orphan: false, role });
}

function describeReply({ call }: LogicalCall, stored: StoredToken, id: string): LogicalReply {
  return describeToken(stored.token, id, call.context.nowMs());
}

async function lookupSelf(request: LogicalCall): Promise<LogicalReply> {
  return describeReply(request, self(request), request.call.tokenText);
}

/** The token named in the body and its id, or the caller's own. */
async function namedToken(request: LogicalCall): Promise<{ stored: StoredToken; id: string }> {
  const id = readText(requestFields(request.data), "token") ?? "";
  if (id === "") return { stored: self(request), id: request.call.tokenText };
  const stored = await request.open.tokens.find(id);
  if (stored === null) throw new VaultError("denied", "bad token");
  return { stored, id };
}

async function lookup(request: LogicalCall): Promise<LogicalReply> {
  const { stored, id } = await namedToken(request);
  return describeReply(request, stored, id);
}

async function byAccessor(request: LogicalCall): Promise<StoredToken> {
  const accessor = readText(requestFields(request.data), "accessor") ?? "";
  if (accessor === "") throw invalidRequest("missing accessor");
  const stored = await request.open.tokens.findByAccessor(accessor);
  if (stored === null) throw invalidRequest(oneError("invalid accessor"));
  return stored;
}

async function lookupAccessor(request: LogicalCall): Promise<LogicalReply> {
  return describeReply(request, await byAccessor(request), "");
}

async function renewSelf(request: LogicalCall): Promise<LogicalReply> {
  return await renew(request, self(request), request.call.tokenText);
}

async function renewOther(request: LogicalCall): Promise<LogicalReply> {
  const { stored, id } = await namedToken(request);
  return await renew(request, stored, id);
}

/** The answer leaves the id out: who knows only the accessor must not learn it. */
async function renewAccessor(request: LogicalCall): Promise<LogicalReply> {
  return await renew(request, await byAccessor(request), "");
}

async function renew(request: LogicalCall, stored: StoredToken, id: string): Promise<LogicalReply> {
  const { token } = stored;
  if (token.type === "batch") throw invalidRequest("batch tokens cannot be renewed");
  if (token.expiresAtMs === null) throw invalidRequest("invalid lease ID");
  const nowMs = request.call.context.nowMs();
  if (!token.renewable) {
    const left = Math.max(0, Math.ceil((token.expiresAtMs - nowMs) / 1000));
    const warnings = ["Token is not renewable: its expiry is unchanged"];
    return { kind: "data", data: null, auth: authFields(id, token, left), warnings };
  }
  const increment = readDurationSeconds(requestFields(request.data), "increment") ?? 0;
  const { tokens, logins } = request.open;
  const { renewLogin } = await import("../access/logins/methods.ts");
  const login = await renewLogin(logins, token, increment, nowMs);
  const seconds = login?.ttlSeconds ??
    renewedSeconds(token, leaseLimits(logins.token), increment, nowMs);
  const renewed = await tokens.renew(stored, nowMs + seconds * 1000);
  if (renewed === null) throw new VaultError("unauthenticated", "permission denied");
  const auth = authFields(id, renewed, seconds);
  return { kind: "data", data: null, auth, warnings: login?.warnings };
}

/** A periodic token gets its period anew; others end at the latest with their maximum. */
function renewedSeconds(
  token: Token,
  { maxSeconds }: LeaseLimits,
  increment: number,
  nowMs: number,
): number {
  const wanted = token.periodSeconds > 0
    ? token.periodSeconds
    : increment === 0
    ? token.creationTtlSeconds
    : increment;
  const system = token.periodSeconds > 0 ? Infinity : maxSeconds;
  const max = token.explicitMaxTtlSeconds === 0
    ? system
    : Math.min(token.explicitMaxTtlSeconds, system);
  const ageSeconds = Math.floor((nowMs - token.createdAtMs) / 1000);
  return Math.max(0, Math.min(wanted, max - ageSeconds));
}

async function revoke({ open }: LogicalCall, stored: StoredToken): Promise<LogicalReply> {
  if (stored.token.type === "batch") throw invalidRequest("batch tokens cannot be revoked");
  await open.revokeTree(stored);
  return DONE;
}

async function revokeSelf(request: LogicalCall): Promise<LogicalReply> {
  return await revoke(request, self(request));
}

async function revokeOther(request: LogicalCall): Promise<LogicalReply> {
  const id = readText(requestFields(request.data), "token") ?? "";
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.open.tokens.find(id);
  return stored === null ? DONE : await revoke(request, stored);
}

async function revokeAccessor(request: LogicalCall): Promise<LogicalReply> {
  return await revoke(request, await byAccessor(request));
}

async function revokeOrphan(request: LogicalCall): Promise<LogicalReply> {
  const id = readText(requestFields(request.data), "token") ?? "";
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.open.tokens.find(id);
  if (stored === null) throw invalidRequest("token to revoke not found");
  const { open } = request;
  for (const scope of await open.tokens.revokeOrphaning(stored)) {
    await open.mounts.destroyScope(scope);
  }
  return DONE;
}

async function accessors({ open }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: { keys: await open.tokens.accessors() } };
}

/** Token and indexes are written together, so only expired ones can be left to clear. */
async function tidy({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.expireTokens());
  const warnings = [
    "Tidy operation successfully started. Any information from the operation will be printed to " +
    "the server's logs.",
  ];
  return { kind: "data", status: 202, data: null, warnings };
}

/** `/auth/token/*`: creating, looking up, renewing and revoking service tokens. */

import type { Hono } from "hono";
import type { IssuedToken, StoredToken, Token, TokenTemplate } from "../access/tokens.ts";
import {
  coerceText,
  type Fields,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readObject,
  readText,
  readTextList,
} from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import { LEASE_DEFAULT_SECONDS } from "../limits.ts";
import type { OpenVault } from "../vault/open_vault.ts";
import type { AppContext, Call } from "./call.ts";
import { oneError } from "./errors.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";
import type { JsonObject } from "./replies.ts";

const DONE: LogicalReply = { kind: "done" };
const DEFAULT_POLICY = "default";
const ROOT_POLICY = "root";

export function registerTokenEndpoints(app: Hono, context: AppContext): void {
  const register = (
    name: string,
    operations: Parameters<typeof registerLogical>[2]["operations"],
    sudo = false,
  ): void => registerLogical(app, context, { path: `auth/token/${name}`, operations, sudo });
  register("create", { update: (request) => create(request, false) });
  register("create-orphan", { update: (request) => create(request, true) }, true);
  const lookupSelf = async (request: LogicalCall) => describeReply(request, self(request), true);
  register("lookup-self", { read: lookupSelf, update: lookupSelf });
  register("lookup", { read: lookup, update: lookup });
  register("lookup-accessor", { update: lookupAccessor });
  register("renew-self", {
    update: (request) => renew(request, self(request), tokenText(request)),
  });
  register("renew", { update: renewOther });
  register("revoke-self", { update: (request) => revoke(request.call, self(request)) });
  register("revoke", { update: revokeOther });
  register("revoke-accessor", { update: revokeAccessor });
}

function fieldsOf({ data }: LogicalCall): Fields {
  return { data, errorPrefix: "Field validation failed: " };
}

function self({ call }: LogicalCall): StoredToken {
  if (call.token === null) throw new VaultError("unauthenticated", "permission denied");
  return call.token;
}

function tokenText({ call }: LogicalCall): string {
  return call.tokenText;
}

async function create(request: LogicalCall, orphanPath: boolean): Promise<LogicalReply> {
  const { open, call } = request;
  const parent = self(request);
  const fields = fieldsOf(request);
  const mayAll = request.acl.isRoot || request.hasSudo;
  const noParent = readBoolean(fields, "no_parent") ?? false;
  if (noParent && !mayAll) {
    throw invalidRequest("root or sudo privileges required to create orphan token");
  }
  const orphan = orphanPath || noParent;
  const policies = childPolicies(fields, parent.token, mayAll);
  const display = readText(fields, "display_name") ?? "";
  const nowMs = call.context.nowMs();
  const isRoot = policies.includes(ROOT_POLICY);
  const explicitMax = readDurationSeconds(fields, "explicit_max_ttl") ?? 0;
  const { seconds: ttl, warnings } = effectiveTtl(fields, explicitMax, isRoot);
  const template: TokenTemplate = {
    policies,
    path: orphanPath ? "auth/token/create-orphan" : "auth/token/create",
    displayName: display === "" ? "token" : `token-${display}`,
    meta: readMeta(fields),
    uses: readUses(fields),
    createdAtMs: nowMs,
    expiresAtMs: ttl === 0 ? null : nowMs + ttl * 1000,
    creationTtlSeconds: ttl,
    explicitMaxTtlSeconds: explicitMax,
    periodSeconds: 0,
    renewable: (readBoolean(fields, "renewable") ?? true) && ttl !== 0,
    orphan,
    parent: orphan ? null : parent.hash,
  };
  const issued = await open.tokens.create(template);
  return { kind: "data", data: null, auth: authOf(issued), warnings };
}

/** A child has no more than its parent, unless the parent may do everything. */
function childPolicies(fields: Fields, parent: Token, mayAll: boolean): readonly string[] {
  const asked = (readTextList(fields, "policies") ?? []).map((name) => name.trim().toLowerCase());
  const chosen = asked.length === 0 ? parent.policies : asked.filter((name) => name !== "");
  const isSubset = chosen.every((name) =>
    name === DEFAULT_POLICY || parent.policies.includes(name)
  );
  if (!mayAll && !isSubset) throw invalidRequest("child policies must be subset of parent");
  const withDefault = readBoolean(fields, "no_default_policy") !== true &&
    !chosen.includes(ROOT_POLICY);
  return [...new Set(withDefault ? [...chosen, DEFAULT_POLICY] : chosen)].sort();
}

function effectiveTtl(
  fields: Fields,
  explicitMax: number,
  isRoot: boolean,
): { readonly seconds: number; readonly warnings: readonly string[] } {
  const asked = readDurationSeconds(fields, "ttl") ?? readDurationSeconds(fields, "lease") ?? 0;
  if (isRoot && asked === 0) return { seconds: 0, warnings: [] };
  const wanted = asked === 0 ? LEASE_DEFAULT_SECONDS : asked;
  const limit = explicitMax === 0
    ? LEASE_DEFAULT_SECONDS
    : Math.min(explicitMax, LEASE_DEFAULT_SECONDS);
  if (wanted <= limit) return { seconds: wanted, warnings: [] };
  const warning = `TTL of "${wanted}s" exceeded the effective max_ttl of "${limit}s"; ` +
    "TTL value is capped accordingly";
  return { seconds: limit, warnings: asked === 0 ? [] : [warning] };
}

function readMeta(fields: Fields): Readonly<Record<string, string>> | null {
  const meta = readObject(fields, "meta") ?? readObject(fields, "metadata");
  if (meta === undefined) return null;
  const entries = Object.entries(meta).map(([name, value]) => [name, coerceText(value) ?? ""]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function readUses(fields: Fields): number {
  const uses = readInteger(fields, "num_uses") ?? 0;
  if (uses < 0) throw invalidRequest("number of uses cannot be negative");
  return uses;
}

function authOf(issued: IssuedToken): JsonObject {
  return authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
}

function authFields(id: string, token: Token, leaseSeconds: number): JsonObject {
  return {
    client_token: id,
    accessor: token.accessor,
    policies: token.policies,
    token_policies: token.policies,
    metadata: token.meta,
    lease_duration: leaseSeconds,
    renewable: token.renewable,
    entity_id: "",
    token_type: "service",
    orphan: token.orphan,
    mfa_requirement: null,
    num_uses: token.uses,
  };
}

function describeReply(request: LogicalCall, stored: StoredToken, withId: boolean): LogicalReply {
  return describeToken(request.call, stored.token, withId ? request.call.tokenText : "");
}

function describeToken(call: Call, token: Token, id: string): LogicalReply {
  const nowMs = call.context.nowMs();
  const expires = token.expiresAtMs;
  const neverExpires = expires === null;
  return {
    kind: "data",
    data: {
      accessor: token.accessor,
      creation_time: Math.floor(token.createdAtMs / 1000),
      creation_ttl: token.creationTtlSeconds,
      display_name: token.displayName,
      entity_id: "",
      expire_time: neverExpires ? null : new Date(expires).toISOString(),
      explicit_max_ttl: token.explicitMaxTtlSeconds,
      id,
      ...(neverExpires ? {} : { issue_time: new Date(token.createdAtMs).toISOString() }),
      ...renewalFields(token),
      meta: token.meta,
      num_uses: token.uses,
      orphan: token.orphan,
      path: token.path,
      policies: token.policies,
      ...(neverExpires ? {} : { renewable: token.renewable }),
      ttl: neverExpires ? 0 : Math.max(0, Math.ceil((expires - nowMs) / 1000)),
      type: "service",
    },
  };
}

function renewalFields(token: Token): JsonObject {
  if (token.lastRenewalMs === null) return {};
  return {
    last_renewal: new Date(token.lastRenewalMs).toISOString(),
    last_renewal_time: Math.floor(token.lastRenewalMs / 1000),
  };
}

async function lookup(request: LogicalCall): Promise<LogicalReply> {
  const id = readText(fieldsOf(request), "token") ?? "";
  if (id === "") return describeReply(request, self(request), true);
  const stored = await request.open.tokens.find(id);
  if (stored === null) throw new VaultError("denied", "bad token");
  return describeToken(request.call, stored.token, id);
}

async function byAccessor(request: LogicalCall): Promise<StoredToken> {
  const accessor = readText(fieldsOf(request), "accessor") ?? "";
  if (accessor === "") throw invalidRequest("missing accessor");
  const stored = await request.open.tokens.findByAccessor(accessor);
  if (stored === null) throw invalidRequest(oneError("invalid accessor"));
  return stored;
}

async function lookupAccessor(request: LogicalCall): Promise<LogicalReply> {
  return describeToken(request.call, (await byAccessor(request)).token, "");
}

async function renewOther(request: LogicalCall): Promise<LogicalReply> {
  const id = readText(fieldsOf(request), "token") ?? "";
  if (id === "") return await renew(request, self(request), tokenText(request));
  const stored = await request.open.tokens.find(id);
  if (stored === null) throw new VaultError("denied", "bad token");
  return await renew(request, stored, id);
}

async function renew(
  request: LogicalCall,
  stored: StoredToken,
  id: string,
): Promise<LogicalReply> {
  const { token } = stored;
  if (token.expiresAtMs === null) throw invalidRequest("invalid lease ID");
  const nowMs = request.call.context.nowMs();
  if (!token.renewable) {
    const left = Math.max(0, Math.ceil((token.expiresAtMs - nowMs) / 1000));
    const warnings = ["token is not renewable"];
    return { kind: "data", data: null, auth: authFields(id, token, left), warnings };
  }
  const increment = readDurationSeconds(fieldsOf(request), "increment") ?? 0;
  const wanted = increment === 0 ? token.creationTtlSeconds : increment;
  const max = token.explicitMaxTtlSeconds === 0
    ? LEASE_DEFAULT_SECONDS
    : Math.min(token.explicitMaxTtlSeconds, LEASE_DEFAULT_SECONDS);
  const ageSeconds = Math.floor((nowMs - token.createdAtMs) / 1000);
  const seconds = Math.max(0, Math.min(wanted, max - ageSeconds));
  const renewed = { ...token, expiresAtMs: nowMs + seconds * 1000, lastRenewalMs: nowMs };
  await request.open.tokens.update({ hash: stored.hash, token: renewed });
  return { kind: "data", data: null, auth: authFields(id, renewed, seconds) };
}

async function revoke(call: Call, stored: StoredToken): Promise<LogicalReply> {
  await call.vault.administer((open) => revokeTree(open, stored));
  return DONE;
}

async function revokeTree(open: OpenVault, stored: StoredToken): Promise<void> {
  for (const scope of await open.tokens.revoke(stored)) await open.mounts.destroyScope(scope);
}

async function revokeOther(request: LogicalCall): Promise<LogicalReply> {
  const id = readText(fieldsOf(request), "token") ?? "";
  if (id === "") throw invalidRequest("missing token ID");
  const stored = await request.open.tokens.find(id);
  return stored === null ? DONE : await revoke(request.call, stored);
}

async function revokeAccessor(request: LogicalCall): Promise<LogicalReply> {
  return await revoke(request.call, await byAccessor(request));
}

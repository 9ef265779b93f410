/**
 * `/sys/leases/*`: only tokens have leases here. Their ids are `<path that made them>/<name of the
 * record>`, from which nobody learns the token.
 */

import type { Hono } from "hono";
import type { StoredToken } from "../access/token.ts";
import { readText, requestFields } from "../engines/fields.ts";
import { invalidRequest } from "../errors.ts";
import { revokeBelow } from "../vault/disable_login.ts";
import type { AppContext } from "./call.ts";
import {
  type LogicalCall,
  type LogicalHandler,
  type LogicalReply,
  registerLogical,
} from "./logical.ts";

const LOOKUP = "sys/leases/lookup/";
const DONE: LogicalReply = { kind: "done" };

export function registerLeaseEndpoints(app: Hono, context: AppContext): void {
  const register = (path: string, update: LogicalHandler, sudo = false): void =>
    registerLogical(app, context, { path, sudo, operations: { update } });
  register("sys/leases/lookup", lookup);
  registerLogical(app, context, { path: `${LOOKUP}*`, sudo: true, operations: { list } });
  registerLogical(app, context, { path: LOOKUP, sudo: true, operations: { list } });
  // The second family is Vault's older one, which its clients still use.
  for (const prefix of ["sys/leases/", "sys/"]) {
    register(`${prefix}renew`, renew);
    register(`${prefix}renew/*`, renew);
    register(`${prefix}revoke`, revoke);
    register(`${prefix}revoke/*`, revoke);
    register(`${prefix}revoke-prefix/*`, revokePrefix, true);
    register(`${prefix}revoke-force/*`, revokePrefix, true);
  }
  register("sys/leases/tidy", tidy);
  registerLogical(app, context, { path: "sys/leases/count", operations: { read: count } });
}

/** The id in the body, or else the one in the path. */
function leaseId({ path, data }: LogicalCall): string {
  const fields = requestFields(data);
  const named = readText(fields, "lease_id") ?? "";
  const id = named === "" ? /\/(?:renew|revoke)\/(.+)$/.exec(path)?.[1] ?? "" : named;
  if (id === "") throw invalidRequest("lease_id must be specified");
  return id;
}

function idOf({ hash, token }: StoredToken): string {
  return `${token.path}/${hash}`;
}

async function find({ open }: LogicalCall, id: string): Promise<StoredToken | null> {
  const stored = await open.tokens.findByHash(id.slice(id.lastIndexOf("/") + 1));
  return stored !== null && idOf(stored) === id ? stored : null;
}

async function lookup(request: LogicalCall): Promise<LogicalReply> {
  const id = leaseId(request);
  const stored = await find(request, id);
  const expiresAtMs = stored?.token.expiresAtMs ?? null;
  if (stored === null || expiresAtMs === null) throw invalidRequest("invalid lease");
  const { token } = stored;
  const renewedAtMs = token.lastRenewalMs;
  const leftMs = expiresAtMs - request.call.context.nowMs();
  return {
    kind: "data",
    data: {
      expire_time: new Date(expiresAtMs).toISOString(),
      id,
      issue_time: new Date(token.createdAtMs).toISOString(),
      last_renewal: renewedAtMs === null ? null : new Date(renewedAtMs).toISOString(),
      path: token.path,
      renewable: token.renewable,
      ttl: Math.max(0, Math.ceil(leftMs / 1000)),
    },
  };
}

async function list({ open, path }: LogicalCall): Promise<LogicalReply> {
  const prefix = path.slice(LOOKUP.length);
  const names = new Set<string>();
  for await (const stored of open.tokens.each()) {
    const id = idOf(stored);
    if (stored.token.expiresAtMs === null || !id.startsWith(prefix)) continue;
    const name = id.slice(prefix.length);
    const slash = name.indexOf("/");
    names.add(slash === -1 ? name : name.slice(0, slash + 1));
  }
  if (names.size === 0) return { kind: "missing" };
  return { kind: "data", data: { keys: [...names].sort() } };
}

async function renew(request: LogicalCall): Promise<LogicalReply> {
  const stored = await find(request, leaseId(request));
  if (stored === null) throw invalidRequest("lease not found");
  throw invalidRequest("tokens cannot be renewed through this endpoint");
}

/** What is unknown has ended: that is no error. */
async function revoke(request: LogicalCall): Promise<LogicalReply> {
  const stored = await find(request, leaseId(request));
  if (stored !== null) await request.open.revokeTree(stored);
  return DONE;
}

async function revokePrefix({ open, path }: LogicalCall): Promise<LogicalReply> {
  const prefix = /\/revoke-(?:prefix|force)\/(.+)$/.exec(path)?.[1] ?? "";
  await revokeBelow(open, prefix);
  return DONE;
}

async function tidy({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((open) => open.expireTokens());
  const warnings = [
    "Tidy operation successfully started. Any information from the operation will be printed to " +
    "the server's logs.",
  ];
  return { kind: "data", status: 202, data: null, warnings };
}

/** Of leases that could not be revoked: there are none. */
async function count(): Promise<LogicalReply> {
  return { kind: "data", data: { counts: {}, lease_count: 0 } };
}

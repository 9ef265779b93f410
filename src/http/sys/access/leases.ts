/**
 * `/sys/leases/*`. Only tokens have leases here. A lease id is `<path that made the token>/<name of
 * its record>`, and does not reveal the token.
 */

import type { StoredToken } from "../../../access/tokens/token.ts";
import { anything, boolean, duration, type Sent, text } from "../../../wire/fields.ts";
import { invalidRequest } from "../../../errors.ts";
import { listedMistake } from "../../../wire/multi_error.ts";
import { revokeBelow } from "../../../vault/mounts/disable_login.ts";
import { denied } from "../../request/caller.ts";
import {
  DONE,
  type EndpointCall,
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
  tidied,
} from "../../request/logical.ts";

const ACCEPTED: LogicalReply = {
  kind: "data",
  status: 202,
  raw: { contentType: "application/json", text: "" },
};

/** Must be text, but is refused in its own words. */
const LEASE_FIELDS = { lease_id: anything("id of the lease, where the path has none", "text") };
const RENEW_FIELDS = { ...LEASE_FIELDS, increment: duration("how much longer it is to live") };
const SYNC_FIELDS = { sync: boolean("as sent; revocation is always done at once") };
const REVOKE_FIELDS = { ...LEASE_FIELDS, ...SYNC_FIELDS };
/** These paths are asked for leases that could not be revoked, and for no other kind. */
const STUCK_FIELDS = {
  type: text("irrevocable; there is nothing of any other kind"),
  include_child_namespaces: boolean("as sent; there is one namespace"),
};
const STUCK_LIST_FIELDS = { ...STUCK_FIELDS, limit: text("none, or how many at most") };

/** The second is Vault's older family, which its clients still use. */
const PREFIXES = ["sys/leases", "sys"] as const;

export const LEASE_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/leases", {
    read: logicalOperation(
      { summary: "List the leases that could not be revoked", fields: STUCK_LIST_FIELDS },
      listStuck,
    ),
  }, { sudo: true }),
  logicalEndpoint("sys/leases/lookup", {
    update: logicalOperation(
      { summary: "Look up a lease", fields: LEASE_FIELDS, answers: ["data"] },
      lookup,
    ),
    list: logicalOperation({ summary: "List the paths that have leases" }, list),
  }),
  logicalEndpoint("sys/leases/lookup/{prefix*}", {
    list: logicalOperation({ summary: "List the leases below a path" }, list),
  }, { sudo: true }),
  ...PREFIXES.flatMap(leaseFamily),
  logicalEndpoint("sys/leases/tidy", {
    update: logicalOperation({ summary: "Clear what has expired", answers: ["accepted"] }, tidy),
  }),
  logicalEndpoint("sys/leases/count", {
    read: logicalOperation(
      { summary: "Count the leases that could not be revoked", fields: STUCK_FIELDS },
      countStuck,
    ),
  }),
];

function leaseFamily(prefix: string): readonly LogicalEndpoint[] {
  const renewal = logicalOperation(
    { summary: "Refused: tokens are renewed by their own endpoints", fields: RENEW_FIELDS },
    renew,
  );
  const revocation = logicalOperation(
    { summary: "Revoke a lease", fields: REVOKE_FIELDS, answers: ["nothing", "queued"] },
    revoke,
  );
  const below = logicalOperation(
    {
      summary: "Revoke all leases below a path",
      fields: SYNC_FIELDS,
      answers: ["nothing", "queued"],
    },
    revokePrefix,
  );
  const forced = logicalOperation({ summary: "Revoke all leases below a path" }, revokePrefix);
  return [
    logicalEndpoint(`${prefix}/renew`, { update: renewal }),
    logicalEndpoint(`${prefix}/renew/{url_lease_id+}`, { update: renewal }),
    logicalEndpoint(`${prefix}/revoke`, { update: revocation }),
    logicalEndpoint(`${prefix}/revoke/{url_lease_id+}`, { update: revocation }),
    logicalEndpoint(`${prefix}/revoke-prefix/{prefix+}`, { update: below }, { sudo: true }),
    logicalEndpoint(`${prefix}/revoke-force/{prefix+}`, { update: forced }, { sudo: true }),
  ];
}

/** The id in the body, or else in the path. Throws `invalid_request`. */
function leaseId({ path }: LogicalCall, sent: Sent<typeof LEASE_FIELDS>): string {
  const given = sent.lease_id ?? "";
  if (typeof given !== "string") throw invalidRequest("invalid lease ID");
  const id = given || /\/(?:renew|revoke)\/(.+)$/.exec(path)?.[1] || "";
  if (id === "") throw invalidRequest("lease_id must be specified");
  return id;
}

function idOf({ hash, token }: StoredToken): string {
  return `${token.path}/${hash}`;
}

async function find({ unsealed }: LogicalCall, id: string): Promise<StoredToken | null> {
  const stored = await unsealed.tokens.findByHash(id.slice(id.lastIndexOf("/") + 1));
  return stored !== null && idOf(stored) === id ? stored : null;
}

async function lookup(
  request: LogicalCall,
  sent: Sent<typeof LEASE_FIELDS>,
): Promise<LogicalReply> {
  const id = leaseId(request, sent);
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

async function list({ unsealed, path, hasSudo }: LogicalCall): Promise<LogicalReply> {
  // The path of the whole list also serves lookups, which need no `sudo`.
  if (!hasSudo) throw denied();
  const prefix = path.slice("sys/leases/lookup/".length);
  const names = new Set<string>();
  for await (const stored of unsealed.tokens.each()) {
    const id = idOf(stored);
    if (stored.token.expiresAtMs === null || !id.startsWith(prefix)) continue;
    const name = id.slice(prefix.length);
    const slash = name.indexOf("/");
    names.add(slash === -1 ? name : name.slice(0, slash + 1));
  }
  if (names.size === 0) return { kind: "missing" };
  return { kind: "data", data: { keys: [...names].sort() } };
}

async function renew(
  request: LogicalCall,
  sent: Sent<typeof LEASE_FIELDS>,
): Promise<LogicalReply> {
  const stored = await find(request, leaseId(request, sent));
  if (stored === null) throw invalidRequest("lease not found");
  if (!stored.token.renewable) throw invalidRequest("lease is not renewable");
  throw invalidRequest("tokens cannot be renewed through this endpoint");
}

/** An unknown lease has ended, so it is not an error. */
async function revoke(
  request: LogicalCall,
  sent: Sent<typeof REVOKE_FIELDS>,
): Promise<LogicalReply> {
  const stored = await find(request, leaseId(request, sent));
  if (stored !== null) await request.unsealed.revokeTree(stored);
  return revoked(sent);
}

async function revokePrefix(
  { unsealed, parameter }: EndpointCall,
  sent: Sent<typeof SYNC_FIELDS>,
): Promise<LogicalReply> {
  await revokeBelow(unsealed, parameter("prefix"));
  return revoked(sent);
}

/** A caller that does not wait is told that revocation is queued. It has already been done. */
function revoked({ sync = true }: Sent<typeof SYNC_FIELDS>): LogicalReply {
  return sync ? DONE : ACCEPTED;
}

async function tidy({ call }: LogicalCall): Promise<LogicalReply> {
  await call.vault.administer((unsealed) => unsealed.expireTokens());
  return tidied("OpenBao's server");
}

/** There are never any. */
async function countStuck(
  _request: LogicalCall,
  { type }: Sent<typeof STUCK_FIELDS>,
): Promise<LogicalReply> {
  if (type !== "irrevocable") return { kind: "missing" };
  return { kind: "data", data: { counts: {}, lease_count: 0 } };
}

async function listStuck(
  _request: LogicalCall,
  { type, limit = "" }: Sent<typeof STUCK_LIST_FIELDS>,
): Promise<LogicalReply> {
  if (type !== "irrevocable") return { kind: "missing" };
  refuseLimit(limit);
  return { kind: "data", data: { lease_count: 0, leases: [] } };
}

/** Throws `invalid_request`; the reference answers 500 (D1). */
function refuseLimit(limit: string): void {
  if (limit === "" || limit === "none") return;
  const number = /^[+-]?[0-9]+$/.test(limit) ? Number(limit) : null;
  if (number === null) {
    const reason = `strconv.Atoi: parsing ${JSON.stringify(limit)}: invalid syntax`;
    throw listedMistake(`invalid 'limit' provided: ${reason}`);
  }
  if (number < 1) throw listedMistake("limit must be 'none' or a positive integer");
}

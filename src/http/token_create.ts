/** Creating tokens: what a request, its token and a role together allow. */

import { type LeaseLimits, leaseLimits } from "../access/logins/lease_limits.ts";
import type { Token, TokenTemplate, TokenType } from "../access/token.ts";
import type { TokenRole } from "../access/token_roles.ts";
import { SERVICE_TOKEN_PREFIX } from "../access/tokens.ts";
import { formatGoDuration } from "../access/duration.ts";
import {
  boolean,
  coerceText,
  duration,
  integer,
  object,
  type Sent,
  text,
  textList,
} from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import { authFields } from "./token_reply.ts";

const DEFAULT_POLICY = "default";
const ROOT_POLICY = "root";

export const CREATE_FIELDS = {
  display_name: text("what the token is called, after `token-`"),
  entity_alias: text("ignored: there are no entities"),
  explicit_max_ttl: duration("age at which the token ends, whatever is said later"),
  id: text("the token itself, of the caller's choice; needs root or sudo"),
  lease: duration("older name of ttl"),
  meta: object("what the token says about itself"),
  metadata: object("the same as meta"),
  no_default_policy: boolean("leave the policy `default` out"),
  no_parent: boolean("create an orphan; needs root or sudo"),
  num_uses: integer("requests that the token is good for; 0 for no such limit"),
  period: duration("renew the token for this long, as often as asked; needs root or sudo"),
  policies: textList("policies of the token; left out: those of its parent or role"),
  renewable: boolean("whether the token can be renewed"),
  ttl: duration("how long the token lives without a renewal"),
  type: text("service or batch"),
};

type Wanted = Sent<typeof CREATE_FIELDS>;

export interface CreateKind {
  /** `auth/token/create-orphan`: no parent, whoever asks. */
  readonly orphan: boolean;
  readonly role: TokenRole | null;
}

export async function createToken(
  request: LogicalCall,
  kind: CreateKind,
  sent: Wanted,
): Promise<LogicalReply> {
  const { call, open } = request;
  const parent = call.token;
  if (parent === null) throw new VaultError("unauthenticated", "permission denied");
  if (parent.token.type === "batch") throw invalidRequest("batch tokens cannot create more tokens");
  if (parent.token.uses !== 0) {
    throw invalidRequest("restricted use token cannot generate child tokens");
  }
  const mayAll = request.acl.isRoot || request.hasSudo;
  refuseUnlessPrivileged(sent, mayAll);
  const orphan = kind.role?.orphan ?? (kind.orphan || sent.no_parent === true);
  const policies = childPolicies(sent, parent.token, mayAll, kind.role);
  const limits = leaseLimits(open.logins.token);
  const life = lifetime(sent, kind.role, policies.includes(ROOT_POLICY), limits);
  const type = tokenType(sent, kind.role);
  const nowMs = call.context.nowMs();
  const display = sent.display_name ?? "";
  const uses = readUses(sent, kind.role);
  const template: TokenTemplate = {
    type,
    policies,
    path: creationPath(kind),
    displayName: display === "" ? "token" : `token-${display.replace(/[^a-zA-Z0-9-]/g, "-")}`,
    meta: readMeta(sent),
    uses,
    createdAtMs: nowMs,
    expiresAtMs: life.ttlSeconds === 0 ? null : nowMs + life.ttlSeconds * 1000,
    creationTtlSeconds: life.ttlSeconds,
    explicitMaxTtlSeconds: life.explicitMaxSeconds,
    periodSeconds: life.periodSeconds,
    renewable: isRenewable(sent, kind.role) && life.ttlSeconds !== 0 && type === "service",
    orphan,
    parent: orphan ? null : parent.hash,
    role: kind.role?.name ?? null,
    boundCidrs: life.ttlSeconds === 0 ? [] : boundCidrs(parent.token, kind.role, orphan),
  };
  refuseEndless(template, parent.token);
  refuseUnsuitedBatch(template);
  const { customId, warnings } = readCustomId(sent);
  const issued = await open.tokens.create(template, customId);
  const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
  return { kind: "data", data: null, auth, warnings: [...life.warnings, ...warnings] };
}

function refuseUnlessPrivileged(sent: Wanted, mayAll: boolean): void {
  if (mayAll) return;
  if (sent.no_parent === true) {
    throw invalidRequest("root or sudo privileges required to create orphan token");
  }
  if ((sent.id ?? "") !== "") {
    throw invalidRequest("root or sudo privileges required to specify token id");
  }
  if ((sent.period ?? 0) !== 0) {
    throw invalidRequest("root or sudo privileges required to create periodic token");
  }
}

function creationPath({ orphan, role }: CreateKind): string {
  if (role !== null) return `auth/token/create/${role.name}${suffix(role)}`;
  return orphan ? "auth/token/create-orphan" : "auth/token/create";
}

function suffix(role: TokenRole): string {
  return role.pathSuffix === "" ? "" : `/${role.pathSuffix}`;
}

/** A child has no more than its parent, unless the parent or a role allows it. */
function childPolicies(
  sent: Wanted,
  parent: Token,
  mayAll: boolean,
  role: TokenRole | null,
): readonly string[] {
  const asked = (sent.policies ?? [])
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const noDefault = sent.no_default_policy === true ||
    role?.noDefaultPolicy === true;
  const chosen = role === null || role.allowedPolicies.length === 0
    ? inheritedPolicies(asked, parent, mayAll)
    : rolePolicies(asked, role);
  const forbidden = chosen.find((name) => role?.disallowedPolicies.includes(name) === true);
  if (forbidden !== undefined) {
    throw invalidRequest(`token not allowed to have policy "${forbidden}" by this role`);
  }
  if (chosen.includes(ROOT_POLICY) && !parent.policies.includes(ROOT_POLICY)) {
    throw invalidRequest("root tokens may not be created without parent token being root");
  }
  const withDefault = !noDefault && !chosen.includes(ROOT_POLICY);
  return [...new Set(withDefault ? [...chosen, DEFAULT_POLICY] : chosen)].sort();
}

function inheritedPolicies(
  asked: readonly string[],
  parent: Token,
  mayAll: boolean,
): readonly string[] {
  const chosen = asked.length === 0 ? parent.policies : asked;
  const isSubset = chosen.every((name) =>
    name === DEFAULT_POLICY || parent.policies.includes(name)
  );
  if (!mayAll && !isSubset) throw invalidRequest("child policies must be subset of parent");
  return chosen;
}

function rolePolicies(asked: readonly string[], role: TokenRole): readonly string[] {
  const chosen = asked.length === 0 ? role.allowedPolicies : asked;
  const refused = chosen.some((name) =>
    name !== DEFAULT_POLICY && !role.allowedPolicies.includes(name)
  );
  if (!refused) return chosen;
  const allowed = role.allowedPolicies.join(", ");
  throw invalidRequest(`token policies must be subset of the role's allowed policies [${allowed}]`);
}

interface Lifetime {
  /** 0: the token never expires. */
  readonly ttlSeconds: number;
  readonly explicitMaxSeconds: number;
  readonly periodSeconds: number;
  readonly warnings: readonly string[];
}

function lifetime(
  sent: Wanted,
  role: TokenRole | null,
  isRoot: boolean,
  limits: LeaseLimits,
): Lifetime {
  const period = role !== null && role.periodSeconds > 0 ? role.periodSeconds : sent.period ?? 0;
  const explicitMax = smallerLimit(
    sent.explicit_max_ttl ?? 0,
    role?.explicitMaxTtlSeconds ?? 0,
  );
  const asked = sent.ttl ?? sent.lease ?? 0;
  const common = { explicitMaxSeconds: explicitMax, periodSeconds: period };
  if (isRoot && asked === 0 && period === 0) return { ...common, ttlSeconds: 0, warnings: [] };
  const wanted = period > 0 ? period : asked === 0 ? limits.defaultSeconds : asked;
  const system = period > 0 ? wanted : limits.maxSeconds;
  const limit = explicitMax === 0 ? system : Math.min(explicitMax, system);
  if (wanted <= limit) return { ...common, ttlSeconds: wanted, warnings: [] };
  const warning = `TTL of "${formatGoDuration(wanted)}" exceeded the effective max_ttl of ` +
    `"${formatGoDuration(limit)}"; TTL value is capped accordingly`;
  return { ...common, ttlSeconds: limit, warnings: asked === 0 ? [] : [warning] };
}

/** 0 means no limit. */
function smallerLimit(left: number, right: number): number {
  return left === 0 || right === 0 ? Math.max(left, right) : Math.min(left, right);
}

function tokenType(sent: Wanted, role: TokenRole | null): TokenType {
  const asked = sent.type ?? "";
  if (asked !== "" && asked !== "service" && asked !== "batch") {
    throw invalidRequest("invalid 'token_type' value");
  }
  switch (role?.tokenType) {
    case "service":
    case "batch":
      return role.tokenType;
    case "default-batch":
      return asked === "service" ? "service" : "batch";
    default:
      return asked === "batch" ? "batch" : "service";
  }
}

/**
 * A child may be used from where its parent may. A role has its own word on it, as on policies, and
 * orphans have left their parent's bounds with it.
 */
function boundCidrs(parent: Token, role: TokenRole | null, orphan: boolean): readonly string[] {
  if (role !== null) return role.boundCidrs;
  return orphan ? [] : parent.boundCidrs;
}

/** Tokens that never expire are bound to no address: nobody must become one by having a child. */
function refuseEndless({ expiresAtMs }: TokenTemplate, parent: Token): void {
  if (expiresAtMs !== null || parent.expiresAtMs === null) return;
  throw invalidRequest("expiring root tokens cannot create non-expiring root tokens");
}

function refuseUnsuitedBatch(template: TokenTemplate): void {
  if (template.type !== "batch") return;
  if (template.periodSeconds !== 0) throw invalidRequest("batch tokens cannot be periodic");
  if (template.uses !== 0) throw invalidRequest("batch tokens cannot have a use limit");
  if (template.policies.includes(ROOT_POLICY)) throw invalidRequest("batch tokens cannot be root");
}

function isRenewable(sent: Wanted, role: TokenRole | null): boolean {
  return (sent.renewable ?? true) && role?.renewable !== false;
}

function readMeta(sent: Wanted): Readonly<Record<string, string>> | null {
  const meta = sent.meta ?? sent.metadata;
  if (meta === undefined) return null;
  const entries = Object.entries(meta).map(([name, value]) => [name, coerceText(value) ?? ""]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function readUses(sent: Wanted, role: TokenRole | null): number {
  const uses = sent.num_uses ?? 0;
  if (uses < 0) throw invalidRequest("number of uses cannot be negative");
  return smallerLimit(uses, role?.uses ?? 0);
}

/** An id of the caller's choice, which no random generator vouches for. */
function readCustomId(
  sent: Wanted,
): { readonly customId?: string; readonly warnings: readonly string[] } {
  const id = sent.id ?? "";
  if (id === "") return { warnings: [] };
  if (id.startsWith(SERVICE_TOKEN_PREFIX) || id.startsWith("b.")) {
    throw invalidRequest("custom token ID cannot have the 's.' prefix");
  }
  if (id.includes("/") || id.includes("..")) {
    throw invalidRequest("custom token ID cannot contain '/' or '..'");
  }
  const warning = "a custom token ID is only as hard to guess as whoever chose it made it";
  return { customId: id, warnings: [warning] };
}

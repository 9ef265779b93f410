/** Creating tokens: what a request, its token and a role together allow. */

import { type LeaseLimits, leaseLimits } from "../access/logins/lease_limits.ts";
import type { Token, TokenTemplate, TokenType } from "../access/token.ts";
import type { TokenRole } from "../access/token_roles.ts";
import { SERVICE_TOKEN_PREFIX } from "../access/tokens.ts";
import { formatGoDuration } from "../access/duration.ts";
import {
  coerceText,
  type Fields,
  readBoolean,
  readDurationSeconds,
  readInteger,
  readObject,
  readText,
  readTextList,
  requestFields,
} from "../engines/fields.ts";
import { invalidRequest, VaultError } from "../errors.ts";
import type { LogicalCall, LogicalReply } from "./logical.ts";
import { authFields } from "./token_reply.ts";

const DEFAULT_POLICY = "default";
const ROOT_POLICY = "root";

export interface CreateKind {
  /** `auth/token/create-orphan`: no parent, whoever asks. */
  readonly orphan: boolean;
  readonly role: TokenRole | null;
}

export async function createToken(request: LogicalCall, kind: CreateKind): Promise<LogicalReply> {
  const { call, open } = request;
  const parent = call.token;
  if (parent === null) throw new VaultError("unauthenticated", "permission denied");
  if (parent.token.type === "batch") throw invalidRequest("batch tokens cannot create more tokens");
  if (parent.token.uses !== 0) {
    throw invalidRequest("restricted use token cannot generate child tokens");
  }
  const fields = requestFields(request.data);
  const mayAll = request.acl.isRoot || request.hasSudo;
  refuseUnlessPrivileged(fields, mayAll);
  const orphan = kind.role?.orphan ?? (kind.orphan || readBoolean(fields, "no_parent") === true);
  const policies = childPolicies(fields, parent.token, mayAll, kind.role);
  const limits = leaseLimits(open.logins.token);
  const life = lifetime(fields, kind.role, policies.includes(ROOT_POLICY), limits);
  const type = tokenType(fields, kind.role);
  const nowMs = call.context.nowMs();
  const display = readText(fields, "display_name") ?? "";
  const uses = readUses(fields, kind.role);
  const template: TokenTemplate = {
    type,
    policies,
    path: creationPath(kind),
    displayName: display === "" ? "token" : `token-${display.replace(/[^a-zA-Z0-9-]/g, "-")}`,
    meta: readMeta(fields),
    uses,
    createdAtMs: nowMs,
    expiresAtMs: life.ttlSeconds === 0 ? null : nowMs + life.ttlSeconds * 1000,
    creationTtlSeconds: life.ttlSeconds,
    explicitMaxTtlSeconds: life.explicitMaxSeconds,
    periodSeconds: life.periodSeconds,
    renewable: isRenewable(fields, kind.role) && life.ttlSeconds !== 0 && type === "service",
    orphan,
    parent: orphan ? null : parent.hash,
    role: kind.role?.name ?? null,
  };
  refuseUnsuitedBatch(template);
  const { customId, warnings } = readCustomId(fields);
  const issued = await open.tokens.create(template, customId);
  const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
  return { kind: "data", data: null, auth, warnings: [...life.warnings, ...warnings] };
}

function refuseUnlessPrivileged(fields: Fields, mayAll: boolean): void {
  if (mayAll) return;
  if (readBoolean(fields, "no_parent") === true) {
    throw invalidRequest("root or sudo privileges required to create orphan token");
  }
  if ((readText(fields, "id") ?? "") !== "") {
    throw invalidRequest("root or sudo privileges required to specify token id");
  }
  if ((readDurationSeconds(fields, "period") ?? 0) !== 0) {
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
  fields: Fields,
  parent: Token,
  mayAll: boolean,
  role: TokenRole | null,
): readonly string[] {
  const asked = (readTextList(fields, "policies") ?? [])
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  const noDefault = readBoolean(fields, "no_default_policy") === true ||
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
  fields: Fields,
  role: TokenRole | null,
  isRoot: boolean,
  limits: LeaseLimits,
): Lifetime {
  const period = role !== null && role.periodSeconds > 0
    ? role.periodSeconds
    : readDurationSeconds(fields, "period") ?? 0;
  const explicitMax = smallerLimit(
    readDurationSeconds(fields, "explicit_max_ttl") ?? 0,
    role?.explicitMaxTtlSeconds ?? 0,
  );
  const asked = readDurationSeconds(fields, "ttl") ?? readDurationSeconds(fields, "lease") ?? 0;
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

function tokenType(fields: Fields, role: TokenRole | null): TokenType {
  const asked = readText(fields, "type") ?? "";
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

function refuseUnsuitedBatch(template: TokenTemplate): void {
  if (template.type !== "batch") return;
  if (template.periodSeconds !== 0) throw invalidRequest("batch tokens cannot be periodic");
  if (template.uses !== 0) throw invalidRequest("batch tokens cannot have a use limit");
  if (template.policies.includes(ROOT_POLICY)) throw invalidRequest("batch tokens cannot be root");
}

function isRenewable(fields: Fields, role: TokenRole | null): boolean {
  return (readBoolean(fields, "renewable") ?? true) && role?.renewable !== false;
}

function readMeta(fields: Fields): Readonly<Record<string, string>> | null {
  const meta = readObject(fields, "meta") ?? readObject(fields, "metadata");
  if (meta === undefined) return null;
  const entries = Object.entries(meta).map(([name, value]) => [name, coerceText(value) ?? ""]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function readUses(fields: Fields, role: TokenRole | null): number {
  const uses = readInteger(fields, "num_uses") ?? 0;
  if (uses < 0) throw invalidRequest("number of uses cannot be negative");
  return smallerLimit(uses, role?.uses ?? 0);
}

/** An id of the caller's choice, which no random generator vouches for. */
function readCustomId(
  fields: Fields,
): { readonly customId?: string; readonly warnings: readonly string[] } {
  const id = readText(fields, "id") ?? "";
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

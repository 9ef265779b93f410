/**
 * Plans a new token, from what the request, the caller's token and a role together allow. Pure.
 * Throws `invalid_request` in the reference's words (openbao token_store.go `handleCreateCommon`).
 * Clients can observe the order of the checks, so it is the reference's.
 */

import type { TokenRole } from "./token_roles.ts";
import {
  SPENT_USES,
  type StoredToken,
  type Token,
  type TokenTemplate,
  type TokenType,
} from "./token.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import { readGoDuration } from "../../wire/go_duration.ts";
import { type LeaseLimits, lesserLimit } from "./lifetime.ts";
import { matchesAnyGlob } from "../policies/glob.ts";
import { SERVICE_TOKEN_PREFIX } from "./tokens.ts";
import { resolvePolicies } from "./token_policies.ts";
import { ROOT_POLICY_NAME } from "../policies/policy_names.ts";
import { type AskedTerms, readTerms, type Terms } from "./token_terms.ts";

/** Fields as sent; undefined if absent. */
export interface TokenRequest extends AskedTerms {
  readonly display_name?: string | undefined;
  readonly entity_alias?: string | undefined;
  readonly id?: string | undefined;
  readonly meta?: Readonly<Record<string, string>> | null | undefined;
  readonly no_default_policy?: boolean | undefined;
  readonly no_parent?: boolean | undefined;
  readonly num_uses?: number | undefined;
  readonly policies?: readonly string[] | undefined;
  readonly renewable?: boolean | undefined;
  readonly type?: string | undefined;
}

/** The circumstances of the new token. */
export interface TokenMaker {
  readonly kind: CreateKind;
  readonly parent: StoredToken;
  /** Whether the caller's token is root or has `sudo` on the path. */
  readonly isSudo: boolean;
  readonly limits: LeaseLimits;
  readonly nowMs: number;
}

export interface PlannedToken {
  readonly template: TokenTemplate;
  /** The id that the caller chose; null for a random one. */
  readonly customId: string | null;
  readonly warnings: readonly string[];
}

export function planToken(sent: TokenRequest, maker: TokenMaker): PlannedToken {
  const { kind, parent, isSudo, limits } = maker;
  const { role } = kind;
  refuseParent(parent);
  const type = tokenType(sent, role);
  if (type === "batch") refuseUnsuitedBatch(sent);
  const uses = readUses(sent, role);
  checkEntityAlias(sent, role);
  const customId = readCustomId(sent, isSudo);
  const policies = resolvePolicies({
    asked: sent.policies ?? [],
    noDefault: sent.no_default_policy === true,
    parent: parent.token.policies,
    isSudo,
    role,
  });
  const isRootToken = policies.includes(ROOT_POLICY_NAME);
  if (isRootToken && type === "batch") throw invalidRequest("batch tokens cannot be root tokens");
  const orphan = isOrphan(sent, kind, isSudo);
  const limitingRole = type === "batch" ? null : role;
  const terms = readTerms(sent, { isSudo, isRootToken, role: limitingRole }, limits);
  const usesLeft = type === "batch" ? 0 : uses;
  const template = templateOf(sent, maker, { type, policies, orphan, terms, uses: usesLeft });
  refuseEndless(template, parent.token);
  if (customId !== null && type === "service") checkCustomId(customId);
  return { template, customId, warnings: terms.warnings };
}

/** The decisions about a token. */
interface Decided {
  readonly type: TokenType;
  readonly policies: readonly string[];
  readonly orphan: boolean;
  readonly terms: Terms;
  readonly uses: number;
}

function templateOf(
  sent: TokenRequest,
  { kind, parent, nowMs }: TokenMaker,
  { type, policies, orphan, terms, uses }: Decided,
): TokenTemplate {
  const { role } = kind;
  const endless = terms.ttlSeconds === 0;
  return {
    type,
    policies,
    path: creationPath(kind),
    displayName: displayName(sent.display_name ?? ""),
    meta: sent.meta ?? null,
    uses,
    createdAtMs: nowMs,
    expiresAtMs: endless ? null : nowMs + terms.ttlSeconds * 1000,
    creationTtlSeconds: terms.ttlSeconds,
    explicitMaxTtlSeconds: terms.explicitMaxSeconds,
    periodSeconds: terms.periodSeconds,
    renewable: (sent.renewable ?? true) && role?.renewable !== false && !endless &&
      type === "service",
    orphan,
    parent: orphan ? null : parent.hash,
    entityId: orphan ? "" : parent.token.entityId ?? "",
    role: role?.name ?? null,
    boundCidrs: endless ? [] : boundCidrs(parent.token, role, orphan),
  };
}

/** Vault's newer prefix. No token here has it, but custom ids must not look as if they did. */
const NEWER_SERVICE_TOKEN_PREFIX = "hvs.";

export interface CreateKind {
  /** Whether the path is `auth/token/create-orphan`, which sets no parent. */
  readonly orphan: boolean;
  readonly role: TokenRole | null;
}

function refuseParent({ token: { type, uses } }: StoredToken): void {
  if (uses === SPENT_USES) throw invalidRequest("parent token lookup failed: no parent found");
  if (type === "batch") throw invalidRequest("batch tokens cannot create more tokens");
  // Children would let it escape its limit of uses.
  if (uses !== 0) throw invalidRequest("restricted use token cannot generate child tokens");
}

function tokenType(sent: TokenRequest, role: TokenRole | null): TokenType {
  const asked = sent.type ?? "";
  switch (role?.tokenType) {
    case "service":
    case "batch":
      return role.tokenType;
    default:
      if (asked === "") return role?.tokenType === "default-batch" ? "batch" : "service";
      if (asked !== "service" && asked !== "batch") {
        throw invalidRequest("invalid 'token_type' value");
      }
      return asked;
  }
}

/** Refuses fields that batch tokens cannot have. A role's limits simply do not apply to them. */
function refuseUnsuitedBatch(sent: TokenRequest): void {
  const unsuited = isSet("explicit_max_ttl", sent.explicit_max_ttl)
    ? "explicit_max_ttl"
    : (sent.num_uses ?? 0) !== 0
    ? "num_uses"
    : isSet("period", sent.period)
    ? "period"
    : null;
  if (unsuited !== null) throw invalidRequest(`batch tokens cannot have "${unsuited}" set`);
}

function isSet(field: string, sent = ""): boolean {
  try {
    return readGoDuration(sent) !== 0;
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw invalidRequest(`'${field}' value could not be parsed`);
  }
}

function readUses(sent: TokenRequest, role: TokenRole | null): number {
  const uses = sent.num_uses ?? 0;
  if (uses < 0) throw invalidRequest("number of uses cannot be negative");
  return lesserLimit(uses, role?.uses ?? 0);
}

function checkEntityAlias({ entity_alias: sent = "" }: TokenRequest, role: TokenRole | null): void {
  if (sent === "") return;
  if (role === null) {
    throw invalidRequest("'entity_alias' is only allowed in combination with token role");
  }
  if (!matchesAnyGlob(role.allowedEntityAliases ?? [], sent.toLowerCase())) {
    throw invalidRequest("invalid 'entity_alias' value");
  }
}

/** The id that the caller chose, which may be guessable; null if none. Needs sudo. */
function readCustomId({ id = "" }: TokenRequest, isSudo: boolean): string | null {
  if (id === "") return null;
  if (!isSudo) throw invalidRequest("root or sudo privileges required to specify token id");
  return id;
}

/** The prefix of every generated id ends in a dot, so custom ids may not contain one. */
function checkCustomId(id: string): void {
  for (const prefix of [NEWER_SERVICE_TOKEN_PREFIX, SERVICE_TOKEN_PREFIX]) {
    if (id.startsWith(prefix)) {
      throw invalidRequest(`custom token ID cannot have the '${prefix}' prefix`);
    }
  }
  if (id.includes(".")) throw invalidRequest("custom token ID cannot have a '.' in the value");
}

function isOrphan(sent: TokenRequest, { orphan, role }: CreateKind, isSudo: boolean): boolean {
  if (role !== null) return role.orphan;
  if (sent.no_parent === true && !isSudo) {
    throw invalidRequest("root or sudo privileges required to create orphan token");
  }
  return orphan || sent.no_parent === true;
}

function creationPath({ orphan, role }: CreateKind): string {
  if (role === null) return orphan ? "auth/token/create-orphan" : "auth/token/create";
  const suffix = role.pathSuffix === "" ? "" : `/${role.pathSuffix}`;
  return `auth/token/create/${role.name}${suffix}`;
}

function displayName(sent: string): string {
  if (sent === "") return "token";
  return `token-${sent.replace(/[^a-zA-Z0-9-]/gu, "-")}`.replace(/-$/, "");
}

/**
 * A child inherits its parent's bounds. A role sets its own, as it does for policies, and an orphan
 * inherits none.
 */
function boundCidrs(parent: Token, role: TokenRole | null, orphan: boolean): readonly string[] {
  if (role !== null) return role.boundCidrs;
  return orphan ? [] : parent.boundCidrs;
}

/** An endless token is bound to no address, so an expiring token must not create one. */
function refuseEndless({ expiresAtMs }: TokenTemplate, parent: Token): void {
  if (expiresAtMs !== null || parent.expiresAtMs === null) return;
  throw invalidRequest("expiring root tokens cannot create non-expiring root tokens");
}

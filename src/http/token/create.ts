/** Creating tokens: what a request, its token and a role together allow. */

import { matchesAnyGlob } from "../../access/policies/glob.ts";
import { readGoDuration } from "../../wire/go_duration.ts";
import { lesserLimit } from "../../access/tokens/lifetime.ts";
import { leaseLimits } from "../../access/tokens/lease_limits.ts";
import { ROOT_POLICY_NAME } from "../../access/policies/policy_names.ts";
import {
  SPENT_USES,
  type StoredToken,
  type Token,
  type TokenTemplate,
  type TokenType,
} from "../../access/tokens/token.ts";
import { resolvePolicies } from "../../access/tokens/token_policies.ts";
import type { TokenRole } from "../../access/tokens/token_roles.ts";
import { readTerms } from "../../access/tokens/token_terms.ts";
import { SERVICE_TOKEN_PREFIX } from "../../access/tokens/tokens.ts";
import { boolean, integer, type Sent, text } from "../../wire/fields.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import type { UnsealedVault } from "../../vault/unsealed_vault.ts";
import type { LogicalCall, LogicalReply } from "../request/logical.ts";
import { names, pairs } from "./fields.ts";
import { authFields } from "../request/auth_fields.ts";

/** Newer than Vault's own tokens here; ids of callers must not look like them either. */
const NEWER_SERVICE_TOKEN_PREFIX = "hvs.";

const CUSTOM_ID_WARNING =
  "Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more secure " +
  "SHA2-256 HMAC for token obfuscation. SHA1 hashed tokens on the wire leads to less secure " +
  "lookups.";

export const CREATE_FIELDS = {
  display_name: text("what the token is called, after `token-`"),
  entity_alias: text("whose token it is; only by a role that allows the name"),
  explicit_max_ttl: text("a duration: the age at which the token ends, whatever is said later"),
  id: text("the token itself, of the caller's choice; needs root or sudo"),
  lease: text("older name of ttl"),
  meta: pairs("what the token says about itself"),
  no_default_policy: boolean("leave the policy `default` out"),
  no_parent: boolean("create an orphan; needs root or sudo"),
  num_uses: integer("requests that the token is good for; 0 for no such limit"),
  period: text("a duration: renew for this long, as often as asked; needs root or sudo"),
  policies: names("policies of the token; left out: those of its parent or role"),
  renewable: boolean("whether the token can be renewed"),
  ttl: text("a duration: how long the token lives without a renewal"),
  type: text("service or batch"),
};

type Wanted = Sent<typeof CREATE_FIELDS>;

export interface CreateKind {
  /** `auth/token/create-orphan`: no parent, whoever asks. */
  readonly orphan: boolean;
  readonly role: TokenRole | null;
}

/** The checks are in the reference's order, which clients can observe. */
export async function createToken(
  request: LogicalCall,
  kind: CreateKind,
  sent: Wanted,
): Promise<LogicalReply> {
  const { call, unsealed } = request;
  const { role } = kind;
  const parent = parentOf(request);
  const isSudo = request.acl.isRoot || request.hasSudo;
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
  const limits = leaseLimits(unsealed.logins.token);
  const limitingRole = type === "batch" ? null : role;
  const terms = readTerms(sent, { isSudo, isRootToken, role: limitingRole }, limits);
  const endless = terms.ttlSeconds === 0;
  const nowMs = call.context.nowMs();
  const template: TokenTemplate = {
    type,
    policies,
    path: creationPath(kind),
    displayName: displayName(sent.display_name ?? ""),
    meta: sent.meta ?? null,
    uses: type === "batch" ? 0 : uses,
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
  refuseEndless(template, parent.token);
  if (customId !== null && type === "service") checkCustomId(customId);
  const issued = await unsealed.tokens.create(template, customId ?? undefined);
  const warnings = [
    ...terms.warnings,
    ...(customId === null ? [] : [CUSTOM_ID_WARNING]),
    ...await missingPolicies(unsealed, policies),
  ];
  const auth = authFields(issued.id, issued.token, issued.token.creationTtlSeconds);
  return { kind: "data", data: null, auth, warnings };
}

function parentOf({ call }: LogicalCall): StoredToken {
  if (call.token === null) throw new VaultError("unauthenticated", "permission denied");
  const { type, uses } = call.token.token;
  if (uses === SPENT_USES) throw invalidRequest("parent token lookup failed: no parent found");
  if (type === "batch") throw invalidRequest("batch tokens cannot create more tokens");
  // It would escape its count by its children.
  if (uses !== 0) throw invalidRequest("restricted use token cannot generate child tokens");
  return call.token;
}

function tokenType(sent: Wanted, role: TokenRole | null): TokenType {
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

/** What is asked with it; what a role says of such things is not for batch tokens. */
function refuseUnsuitedBatch(sent: Wanted): void {
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

function readUses(sent: Wanted, role: TokenRole | null): number {
  const uses = sent.num_uses ?? 0;
  if (uses < 0) throw invalidRequest("number of uses cannot be negative");
  return lesserLimit(uses, role?.uses ?? 0);
}

function checkEntityAlias({ entity_alias: sent = "" }: Wanted, role: TokenRole | null): void {
  if (sent === "") return;
  if (role === null) {
    throw invalidRequest("'entity_alias' is only allowed in combination with token role");
  }
  if (!matchesAnyGlob(role.allowedEntityAliases ?? [], sent.toLowerCase())) {
    throw invalidRequest("invalid 'entity_alias' value");
  }
}

/** An id of the caller's choice, which no random generator vouches for; null for none. */
function readCustomId({ id = "" }: Wanted, isSudo: boolean): string | null {
  if (id === "") return null;
  if (!isSudo) throw invalidRequest("root or sudo privileges required to specify token id");
  return id;
}

/** A point ends the prefix of the ids that the vault makes, of whatever kind. */
function checkCustomId(id: string): void {
  for (const prefix of [NEWER_SERVICE_TOKEN_PREFIX, SERVICE_TOKEN_PREFIX]) {
    if (id.startsWith(prefix)) {
      throw invalidRequest(`custom token ID cannot have the '${prefix}' prefix`);
    }
  }
  if (id.includes(".")) throw invalidRequest("custom token ID cannot have a '.' in the value");
}

function isOrphan(sent: Wanted, { orphan, role }: CreateKind, isSudo: boolean): boolean {
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

/** Names that no policy has grant nothing, until somebody writes one. */
async function missingPolicies(
  { policies }: UnsealedVault,
  wanted: readonly string[],
): Promise<readonly string[]> {
  const warnings: string[] = [];
  for (const name of wanted) {
    if (await policies.read(name) === null) {
      warnings.push(`Policy ${JSON.stringify(name)} does not exist`);
    }
  }
  return warnings;
}

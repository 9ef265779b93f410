/** What a token is, and how it is stored. */

import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { VaultError } from "../../errors.ts";

export type TokenType = "service" | "batch";

export interface Token {
  readonly type: TokenType;
  /** A public name for the token; "" for batch tokens, which have none. */
  readonly accessor: string;
  /** Sorted, lower case. */
  readonly policies: readonly string[];
  /** The path that created it. */
  readonly path: string;
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>> | null;
  /** Uses left; 0: unlimited. */
  readonly uses: number;
  /** Uses granted at its creation. */
  readonly grantedUses: number;
  readonly createdAtMs: number;
  /** Null: never expires. */
  readonly expiresAtMs: number | null;
  readonly creationTtlSeconds: number;
  /** The lifetime granted last, at creation or by a renewal. */
  readonly grantedTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  /** 0: not periodic. */
  readonly periodSeconds: number;
  readonly renewable: boolean;
  readonly lastRenewalMs: number | null;
  readonly orphan: boolean;
  /** Hash of the parent's id; null for orphans and root tokens. */
  readonly parent: string | null;
  /** Random name of the token's private storage. */
  readonly scope: string;
  /** The role it was created by; null if none. */
  readonly role: string | null;
  /** Blocks of addresses that may use it (`cidr.ts`). Empty: any. */
  readonly boundCidrs: readonly string[];
  /** Entity of the login it, or its parent, came from (`identity/entities.ts`). Absent if none. */
  readonly entityId?: string;
}

/** A token with the hash that names its record. */
export interface StoredToken {
  readonly hash: string;
  readonly token: Token;
}

/** Fields added later, which older records lack. */
type Added = "boundCidrs" | "grantedUses" | "grantedTtlSeconds";
type StoredFields = Omit<Token, Added> & Partial<Token> & { readonly version: number };

const VERSION = 1;

/** The parts of a new token that are not generated. Omit `boundCidrs` to leave it unbound. */
export type TokenTemplate =
  & Omit<Token, "accessor" | "scope" | "lastRenewalMs" | Added>
  & Partial<Pick<Token, "boundCidrs">>;

/** Uses left while the last use is in progress: the token serves no further request. */
export const SPENT_USES = -1;

export function encodeToken(token: Token): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({ version: VERSION, ...token }));
}

/**
 * Older records do not tell what was granted, so the uses left and the TTL at creation stand in.
 * Throws `record_malformed` for an unknown version.
 */
export function decodeToken(bytes: Uint8Array): Token {
  const { version, ...stored } = JSON.parse(decodeUtf8(bytes)) as StoredFields;
  if (version !== VERSION) {
    throw new VaultError("record_malformed", "a token has a version this program cannot read");
  }
  return {
    boundCidrs: [],
    grantedUses: Math.max(0, stored.uses),
    grantedTtlSeconds: stored.creationTtlSeconds,
    ...stored,
  };
}

export function newToken(template: TokenTemplate, accessor: string, scope: string): Token {
  return {
    boundCidrs: [],
    grantedUses: template.uses,
    grantedTtlSeconds: template.creationTtlSeconds,
    ...template,
    accessor,
    scope,
    lastRenewalMs: null,
  };
}

/** The path of the tokens that init and generate-root make, and of no others. */
const INITIAL_PATH = "auth/token/root";

/** Whether init or generate-root made it. Such tokens have no lease, not even an endless one. */
export function isInitial({ path }: Token): boolean {
  return path === INITIAL_PATH;
}

/** The token that init returns. It never expires and may do everything. */
export function rootTokenTemplate(nowMs: number): TokenTemplate {
  return {
    type: "service",
    policies: ["root"],
    path: INITIAL_PATH,
    displayName: "root",
    meta: null,
    uses: 0,
    createdAtMs: nowMs,
    expiresAtMs: null,
    creationTtlSeconds: 0,
    explicitMaxTtlSeconds: 0,
    periodSeconds: 0,
    renewable: false,
    orphan: true,
    parent: null,
    role: null,
  };
}

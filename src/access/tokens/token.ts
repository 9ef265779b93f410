/** What a token is, and how it is stored. */

import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { VaultError } from "../../errors.ts";

export type TokenType = "service" | "batch";

export interface Token {
  readonly type: TokenType;
  /** Its public name; "" for batch tokens, which have none. */
  readonly accessor: string;
  /** Sorted, lower case. */
  readonly policies: readonly string[];
  /** The path that created it. */
  readonly path: string;
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>> | null;
  /** Uses left; 0: unlimited. */
  readonly uses: number;
  /** Uses that it was made with. */
  readonly grantedUses: number;
  readonly createdAtMs: number;
  /** Null: never expires. */
  readonly expiresAtMs: number | null;
  readonly creationTtlSeconds: number;
  /** What it was given last: at its creation or by a renewal. */
  readonly grantedTtlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  /** 0: not periodic. */
  readonly periodSeconds: number;
  readonly renewable: boolean;
  readonly lastRenewalMs: number | null;
  readonly orphan: boolean;
  /** Hash of the parent's id; null for orphans and root tokens. */
  readonly parent: string | null;
  /** Random name of its private storage. */
  readonly scope: string;
  /** The role it was created by; null without one. */
  readonly role: string | null;
  /** Blocks of addresses that may use it (`cidr.ts`); empty: any. */
  readonly boundCidrs: readonly string[];
  /** Of the login that it, or its parent, came from (`identity/entities.ts`); left out: of none. */
  readonly entityId?: string;
}

/** A token as it was found: with the hash that names its record. */
export interface StoredToken {
  readonly hash: string;
  readonly token: Token;
}

/** What came to tokens later; older records do not have it. */
type Added = "boundCidrs" | "grantedUses" | "grantedTtlSeconds";
type StoredFields = Omit<Token, Added> & Partial<Token> & { readonly version: number };

const VERSION = 1;

/** What a new token does not make up itself; without `boundCidrs` it is not bound. */
export type TokenTemplate =
  & Omit<Token, "accessor" | "scope" | "lastRenewalMs" | Added>
  & Partial<Pick<Token, "boundCidrs">>;

/** Uses of a token whose last one is under way: it answers no further request. */
export const SPENT_USES = -1;

export function encodeToken(token: Token): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({ version: VERSION, ...token }));
}

/**
 * Of older records it is not known what they were given, but what they have. Throws
 * `record_malformed` for an unknown version.
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

/** Only the tokens of init and of generate-root say that they were made there. */
const INITIAL_PATH = "auth/token/root";

/** Made at init or by generate-root: no lease was ever granted to it, not even one without end. */
export function isInitial({ path }: Token): boolean {
  return path === INITIAL_PATH;
}

/** The token that init returns: never expires, may do everything. */
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

/** What a token is, and how it is stored. */

import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";

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
  readonly createdAtMs: number;
  /** Null: never expires. */
  readonly expiresAtMs: number | null;
  readonly creationTtlSeconds: number;
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
}

/** A token as it was found: with the hash that names its record. */
export interface StoredToken {
  readonly hash: string;
  readonly token: Token;
}

/** What a new token does not make up itself; without `boundCidrs` it is not bound. */
export type TokenTemplate =
  & Omit<Token, "accessor" | "scope" | "lastRenewalMs" | "boundCidrs">
  & Partial<Pick<Token, "boundCidrs">>;

/** Uses of a token whose last one is under way: it answers no further request. */
export const SPENT_USES = -1;

export function encodeToken(token: Token): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({ version: 1, ...token }));
}

/** Records from before addresses could be bound do not name any. */
export function decodeToken(bytes: Uint8Array): Token {
  const stored = JSON.parse(decodeUtf8(bytes)) as TokenTemplate & Omit<Token, "boundCidrs">;
  return { boundCidrs: [], ...stored };
}

export function newToken(template: TokenTemplate, accessor: string, scope: string): Token {
  return { boundCidrs: [], ...template, accessor, scope, lastRenewalMs: null };
}

/** The token that init returns: never expires, may do everything. */
export function rootTokenTemplate(nowMs: number): TokenTemplate {
  return {
    type: "service",
    policies: ["root"],
    path: "auth/token/root",
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

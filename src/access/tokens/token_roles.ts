/** Token roles: what tokens made at `auth/token/create/<role>` may be, and always are. */

import type { Barrier } from "../../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../../crypto/bytes.ts";
import { TOKEN_ROLE_PREFIX } from "../../storage/record_paths.ts";

export type RoleTokenType = "default-service" | "default-batch" | "service" | "batch";

export interface TokenRole {
  readonly name: string;
  /** If this and the next three lists are empty, only policies of the caller. */
  readonly allowedPolicies: readonly string[];
  readonly disallowedPolicies: readonly string[];
  /** Patterns (`glob.ts`) in addition to the names. */
  readonly allowedPolicyGlobs: readonly string[];
  readonly disallowedPolicyGlobs: readonly string[];
  /** Names or patterns of entities that tokens may be for, in lower case; null if never set. */
  readonly allowedEntityAliases: readonly string[] | null;
  readonly orphan: boolean;
  readonly renewable: boolean;
  /** Appended to the creation path of a token. */
  readonly pathSuffix: string;
  readonly periodSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  /** 0: as requested. */
  readonly uses: number;
  readonly noDefaultPolicy: boolean;
  readonly tokenType: RoleTokenType;
  /** Blocks of addresses that may use its tokens. Empty: any. */
  readonly boundCidrs: readonly string[];
  /** The last values set under three fields' legacy names. Only shown, under those names. */
  readonly legacy: LegacyLimits;
}

/** Zero and empty if the newer names were used. */
export interface LegacyLimits {
  readonly periodSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  readonly boundCidrs: readonly string[];
}

/** Defaults for fields added later, which older records lack. */
const ADDED = {
  boundCidrs: [],
  allowedPolicyGlobs: [],
  disallowedPolicyGlobs: [],
  allowedEntityAliases: null,
  legacy: { periodSeconds: 0, explicitMaxTtlSeconds: 0, boundCidrs: [] },
} as const satisfies Partial<TokenRole>;

/** Older records call `legacy` `elder`. */
type StoredRole =
  & Omit<TokenRole, keyof typeof ADDED>
  & Partial<TokenRole>
  & { readonly elder?: LegacyLimits };

export class TokenRoles {
  readonly #barrier: Barrier;

  constructor(barrier: Barrier) {
    this.#barrier = barrier;
  }

  async read(name: string): Promise<TokenRole | null> {
    const record = await this.#barrier.get(TOKEN_ROLE_PREFIX + name);
    if (record === null) return null;
    const { elder = ADDED.legacy, ...stored } = JSON.parse(decodeUtf8(record.value)) as StoredRole;
    return { ...ADDED, legacy: elder, ...stored };
  }

  async write(role: TokenRole): Promise<void> {
    const value = encodeUtf8(JSON.stringify(role));
    await this.#barrier.commit({ entries: [{ path: TOKEN_ROLE_PREFIX + role.name, value }] });
  }

  async remove(name: string): Promise<void> {
    await this.#barrier.commit({ entries: [{ path: TOKEN_ROLE_PREFIX + name, value: null }] });
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const name of this.#barrier.each(TOKEN_ROLE_PREFIX)) names.push(name);
    return names;
  }
}

/** Token roles: what tokens made at `auth/token/create/<role>` may be, and what they always are. */

import type { Barrier } from "../barrier/barrier.ts";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { TOKEN_ROLE_PREFIX } from "../storage/record_paths.ts";

export type RoleTokenType = "default-service" | "default-batch" | "service" | "batch";

export interface TokenRole {
  readonly name: string;
  /** Empty: only what the caller has. */
  readonly allowedPolicies: readonly string[];
  readonly disallowedPolicies: readonly string[];
  readonly orphan: boolean;
  readonly renewable: boolean;
  /** Appended to the path that a token says it was created at. */
  readonly pathSuffix: string;
  readonly periodSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  /** 0: as the request says. */
  readonly uses: number;
  readonly noDefaultPolicy: boolean;
  readonly tokenType: RoleTokenType;
  /** Blocks of addresses that may use its tokens; empty: any. */
  readonly boundCidrs: readonly string[];
}

type StoredRole = Omit<TokenRole, "boundCidrs"> & Partial<TokenRole>;

const PAGE = 256;

export class TokenRoles {
  readonly #barrier: Barrier;

  constructor(barrier: Barrier) {
    this.#barrier = barrier;
  }

  async read(name: string): Promise<TokenRole | null> {
    const record = await this.#barrier.get(TOKEN_ROLE_PREFIX + name);
    if (record === null) return null;
    // Records from before addresses could be bound do not name any.
    return { boundCidrs: [], ...JSON.parse(decodeUtf8(record.value)) as StoredRole };
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
    for (let after = "";;) {
      const paths = await this.#barrier.list(TOKEN_ROLE_PREFIX, after, PAGE);
      names.push(...paths.map((path) => path.slice(TOKEN_ROLE_PREFIX.length)));
      after = paths.at(-1) ?? "";
      if (paths.length < PAGE) return names;
    }
  }
}

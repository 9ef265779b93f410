/**
 * Where a token's records are. Its own is named by a keyed hash of its id. Index entries find it by
 * accessor, by parent and by expiry; each holds that hash. Reads only.
 */

import type { Barrier } from "../../barrier/barrier.ts";
import { decodeUtf8, encodeHex, encodeUtf8 } from "../../crypto/bytes.ts";
import { createKeyedHmac, type KeyedHmac } from "../../crypto/keyed_hmac.ts";
import {
  TOKEN_ACCESSOR_PREFIX,
  TOKEN_EXPIRY_PREFIX,
  TOKEN_PARENT_PREFIX,
  TOKEN_PREFIX,
} from "../../storage/record_paths.ts";
import type { Token } from "./token.ts";
import { timedPath } from "../../storage/timed_path.ts";

export class TokenIndex {
  readonly #barrier: Barrier;
  readonly #mac: KeyedHmac;

  constructor(barrier: Barrier) {
    this.#barrier = barrier;
    this.#mac = createKeyedHmac(barrier.deriveMacKey("token hash"));
  }

  /** The hash that names the record of the token with this id. */
  hash(id: string): string {
    return encodeHex(this.#mac(encodeUtf8(id)));
  }

  accessorPath(accessor: string): string {
    const mac = this.#mac(encodeUtf8(`accessor ${accessor}`));
    return TOKEN_ACCESSOR_PREFIX + encodeHex(mac);
  }

  /** The paths of a token's records. The first is the token itself; the others hold its hash. */
  paths(hash: string, token: Token): readonly string[] {
    const paths = [TOKEN_PREFIX + hash, this.accessorPath(token.accessor)];
    if (token.parent !== null) paths.push(childPrefix(token.parent) + hash);
    if (token.expiresAtMs !== null) {
      paths.push(timedPath(TOKEN_EXPIRY_PREFIX, token.expiresAtMs, hash));
    }
    return paths;
  }

  /** Hashes of the token's children. */
  async *childrenOf(hash: string): AsyncGenerator<string> {
    yield* this.hashesBelow(childPrefix(hash));
  }

  /** Hashes of the children of all these tokens. */
  async childrenOfAll(hashes: readonly string[]): Promise<readonly string[]> {
    const children: string[] = [];
    for (const hash of hashes) {
      for await (const child of this.childrenOf(hash)) children.push(child);
    }
    return children;
  }

  /** The hashes that an index holds below a prefix. */
  async *hashesBelow(prefix: string): AsyncGenerator<string> {
    for await (const name of this.#barrier.each(prefix)) {
      const record = await this.#barrier.get(prefix + name);
      if (record !== null) yield decodeUtf8(record.value);
    }
  }
}

function childPrefix(parent: string): string {
  return `${TOKEN_PARENT_PREFIX}${parent}/`;
}

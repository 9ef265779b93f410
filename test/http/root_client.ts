/**
 * Test helper: an unsealed vault and its root token. Gives `ask` and `done` for requests, and
 * `tokenWith` for tokens with rules of their own.
 */

import { type ApiResponse, initialiseOpen, textAt } from "../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "./memory_api.ts";
import type { Store } from "../../src/storage/store.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";

export interface RootClient {
  readonly api: MemoryApi;
  readonly root: string;
  readonly shares: readonly string[];
  /** `path` is below `/v1/`. `token`: the root token if left out, no token if null. */
  ask(
    method: string,
    path: string,
    body?: object | null,
    token?: string | null,
  ): Promise<ApiResponse>;
  /** Sends a request and throws unless the answer is 204. */
  done(method: string, path: string, body?: object): Promise<void>;
  /** A token with these rules, and those of the default policy unless `withDefault` is false. */
  tokenWith(policy: string, withDefault?: boolean): Promise<string>;
}

/** `store` defaults to a new one in memory. */
export async function openRootClient(store: Store = createMemoryStore()): Promise<RootClient> {
  const api = await startMemoryApi({ store });
  const { root, shares } = await initialiseOpen(api, 1, 1);
  const ask: RootClient["ask"] = async (method, path, body = null, token = root) =>
    await api.request(method, `/v1/${path}`, {
      ...(body === null ? {} : { body }),
      ...(token === null ? {} : { token }),
    });
  let policies = 0;
  return {
    api,
    root,
    shares,
    ask,
    async done(method, path, body) {
      const { status, text } = await ask(method, path, body);
      if (status !== 204) throw new Error(`${method} ${path}: ${status} ${text}`);
    },
    async tokenWith(policy, withDefault = true) {
      policies += 1;
      await ask("PUT", `sys/policies/acl/rules-${policies}`, { policy });
      const made = await ask("POST", "auth/token/create", {
        policies: [`rules-${policies}`],
        no_default_policy: !withDefault,
      });
      return textAt(made.json, "auth", "client_token");
    },
  };
}

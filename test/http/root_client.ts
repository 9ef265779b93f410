/** An open vault and its root token, for tests that are about what is behind both. */

import { type ApiResponse, initialiseOpen, textAt } from "../contract/api.contract.ts";
import { type MemoryApi, startMemoryApi } from "./memory_api.ts";

export interface RootClient {
  readonly api: MemoryApi;
  readonly root: string;
  readonly shares: readonly string[];
  /** `path` is below `/v1/`; `token` is the root's when left out, none when null. */
  ask(
    method: string,
    path: string,
    body?: object | null,
    token?: string | null,
  ): Promise<ApiResponse>;
  /** The status of a request that must succeed with nothing to say. */
  done(method: string, path: string, body?: object): Promise<void>;
  /** A token with rules of its own, and besides those of the default policy or not. */
  tokenWith(policy: string, withDefault?: boolean): Promise<string>;
}

export async function openRootClient(): Promise<RootClient> {
  const api = await startMemoryApi();
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

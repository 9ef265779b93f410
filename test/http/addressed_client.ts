/**
 * Test helper: an unsealed vault that is asked from addresses the test chooses, as a server would
 * report them. Gives `ask`, `done` and the `Vault` itself.
 */

import { randomBytes } from "../../src/crypto/random.ts";
import { createApp } from "../../src/http/app.ts";
import { createLog } from "../../src/log.ts";
import { createMemoryStore } from "../../src/storage/memory_store.ts";
import { Vault } from "../../src/vault/vault.ts";
import { type ApiResponse, textAt } from "../contract/api.contract.ts";
import { ORIGIN, readResponse } from "./memory_api.ts";

export interface Asked {
  readonly body?: object;
  /** Left out: the root token. Null: no token. */
  readonly token?: string | null;
  /** Null or left out: the address is unknown. */
  readonly from?: string | null;
}

export interface AddressedClient {
  readonly vault: Vault;
  ask(method: string, path: string, asked?: Asked): Promise<ApiResponse>;
  /** Sends a request and throws unless the answer is 204. */
  done(method: string, path: string, body?: object): Promise<void>;
}

interface Environment {
  readonly from?: string | null;
}

export async function openAddressedClient(): Promise<AddressedClient> {
  const nowMs = () => Date.UTC(2026, 0, 2, 3, 4, 5);
  const vault = await Vault.open({
    store: createMemoryStore(),
    seal: { type: "shamir" },
    nowMs,
    random: randomBytes,
    log: createLog({ level: "error", write: () => {}, style: "json", nowMs }),
    alarm: { set: () => {} },
  });
  const app = createApp(vault, {
    rekeyAccess: "token",
    generateRootAccess: "token",
    clientAddress: (_request, env) => (env as Environment).from ?? null,
    version: "test",
    isReachedByTls: false,
  });
  let root = "";
  const ask: AddressedClient["ask"] = async (method, path, asked = {}) => {
    const { body, token = root, from = null } = asked;
    const headers = new Headers(token === null ? {} : { "X-Vault-Token": token });
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const request = new Request(`${ORIGIN}/v1/${path}`, { method, headers, ...content });
    return await readResponse(await app.fetch(request, { from }));
  };
  const body = { secret_shares: 1, secret_threshold: 1 };
  const initialised = await ask("PUT", "sys/init", { body });
  await ask("PUT", "sys/unseal", { body: { key: textAt(initialised.json, "keys", 0) } });
  root = textAt(initialised.json, "root_token");
  return {
    vault,
    ask,
    async done(method, path, body) {
      const answer = await ask(method, path, body === undefined ? {} : { body });
      if (answer.status !== 204) throw new Error(`${method} ${path}: ${answer.text}`);
    },
  };
}

/**
 * Test helper: starts the product on Node and gives an unsealed vault with one of each engine and auth
 * method, each with something in it.
 */

import { type ApiResponse, initialiseOpen } from "../contract/api.contract.ts";
import { start } from "../runtimes/processes.ts";

export interface Site {
  readonly url: string;
  /** The root token. */
  readonly token: string;
  stop(): Promise<unknown>;
}

const SITE: readonly (readonly [path: string, body: object])[] = [
  ["sys/mounts/kv", { type: "kv" }],
  ["sys/mounts/secret", { type: "kv", options: { version: "2" } }],
  ["sys/mounts/transit", { type: "transit" }],
  ["sys/auth/userpass", { type: "userpass" }],
  ["sys/auth/approle", { type: "approle" }],
  ["kv/0", { a: "1" }],
  ["secret/data/0", { data: { a: "1" } }],
  ["transit/keys/0", {}],
  ["auth/userpass/users/0", { password: "long enough" }],
  ["auth/approle/role/0", {}],
];

export async function openSite(): Promise<Site> {
  const server = await start("start:node", {
    SEALWRIGHT_DATA: ":memory:",
    SEALWRIGHT_RATE_LIMIT: "off",
  });
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    as?: string,
  ): Promise<ApiResponse> => {
    const response = await fetch(server.url + path, {
      method,
      headers: as === undefined ? {} : { "X-Vault-Token": as },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === "" ? null : JSON.parse(text);
    return { status: response.status, headers: response.headers, text, json };
  };
  const opened = await initialiseOpen(
    {
      request: (method, path, request = {}) => ask(method, path, request.body, request.token),
      restart: async () => {},
      stop: async () => {},
    },
    1,
    1,
  );
  const token = opened.root;
  for (const [path, body] of SITE) {
    const { status, text } = await ask("POST", `/v1/${path}`, body, token);
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
  }
  return { url: server.url, token, stop: () => server.stop() };
}

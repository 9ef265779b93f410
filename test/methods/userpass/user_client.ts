/** Test helper: a root client with one userpass user, `ann`, and a function that logs users in. */

import type { ApiResponse } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../http/root_client.ts";

const PASSWORD = "correct horse";

/** `user`: further fields of `ann`. */
export async function withAnn(user: object = {}): Promise<RootClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/userpass", { type: "userpass" });
  const body = { password: PASSWORD, token_policies: "Readers,writers", ...user };
  await client.done("POST", "auth/userpass/users/ann", body);
  return client;
}

export async function login(
  { ask }: RootClient,
  password = PASSWORD,
  user = "ann",
): Promise<ApiResponse> {
  return await ask("POST", `auth/userpass/login/${user}`, { password }, null);
}

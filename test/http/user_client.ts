/** An open vault with one user, ann, for tests that are about users and their logins. */

import type { ApiResponse } from "../contract/api.contract.ts";
import { openRootClient, type RootClient } from "./root_client.ts";

const PASSWORD = "correct horse";

/** `user`: what else is said of ann. */
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

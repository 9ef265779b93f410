/**
 * Test helper: a root client with one AppRole role, `ci`. Gives its role id, and functions that issue
 * secret ids and log in.
 */

import { textAt } from "../../contract/api.contract.ts";
import { openRootClient, type RootClient } from "../../http/root_client.ts";

export const ROLE = "auth/approle/role/ci";
export const WRONG = { errors: ["invalid role or secret ID"] };

/** The error body that the reference uses for faults of its own. */
export function listed(text: string) {
  return { errors: [`1 error occurred:\n\t* ${text}\n\n`] };
}

export interface RoleClient extends RootClient {
  readonly roleId: string;
  secretId(body?: object): Promise<{ readonly id: string; readonly accessor: string }>;
  login(secretId: string, roleId?: string): ReturnType<RootClient["ask"]>;
}

/** `role`: further fields of `ci`. */
export async function withRole(role: object = {}): Promise<RoleClient> {
  const client = await openRootClient();
  await client.done("POST", "sys/auth/approle", { type: "approle" });
  await client.done("POST", ROLE, { token_policies: ["deploy"], ...role });
  const roleId = textAt((await client.ask("GET", `${ROLE}/role-id`)).json, "data", "role_id");
  return {
    ...client,
    roleId,
    async secretId(body = {}) {
      const { json } = await client.ask("POST", `${ROLE}/secret-id`, body);
      const id = textAt(json, "data", "secret_id");
      return { id, accessor: textAt(json, "data", "secret_id_accessor") };
    },
    login: async (secretId, id = roleId) => {
      const body = { role_id: id, secret_id: secretId };
      return await client.ask("POST", "auth/approle/login", body, null);
    },
  };
}

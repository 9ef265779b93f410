/**
 * Test helper: a root client whose requests come from addresses that the test chooses, as a server
 * would report them. Gives `ask` and `done`.
 */

import type { ApiResponse } from "../contract/api.contract.ts";
import { ADDRESS_HEADER } from "./memory_api.ts";
import { openRootClient, type RootClient } from "./root_client.ts";

export interface Asked {
  readonly body?: object;
  /** Left out: the root token. Null: no token. */
  readonly token?: string | null;
  /** Null or left out: the address is unknown. */
  readonly from?: string | null;
}

export interface AddressedClient extends Pick<RootClient, "api" | "done"> {
  ask(method: string, path: string, asked?: Asked): Promise<ApiResponse>;
}

export async function openAddressedClient(): Promise<AddressedClient> {
  const { api, root, done } = await openRootClient();
  return {
    api,
    done,
    async ask(method, path, { body, token = root, from = null } = {}) {
      return await api.request(method, `/v1/${path}`, {
        ...(body === undefined ? {} : { body }),
        ...(token === null ? {} : { token }),
        headers: from === null ? {} : { [ADDRESS_HEADER]: from },
      });
    },
  };
}

/** The Worker: finds the vault's Durable Object and hands the request over, body and all. */

import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import { messageOf } from "../../errors.ts";
import { errorResponse } from "../error_response.ts";
import { createConsoleLog } from "./console_log.ts";
import { drainedRequest } from "./drained_request.ts";
import { handOver } from "./hand_over.ts";

export { VaultObject } from "./vault_object.ts";

interface Env {
  readonly VAULT: DurableObjectNamespace;
  /**
   * Given by `scripts/start_workers.mjs` alone: the product's own server stands in front, and its
   * clients reach it by this.
   */
  readonly LOCAL_SERVER?: "http" | "https";
}

/** There is one vault in a deployment; its object is found by this name for ever. */
const VAULT_NAME = "vault";

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const vault = env.VAULT.get(env.VAULT.idFromName(VAULT_NAME));
      const handed = handOver(request, env.LOCAL_SERVER !== undefined);
      // The platform's types of a request and the web's are one class at run time.
      const response = await vault.fetch(handed as never) as unknown as Response;
      // What was not handed over.
      if (handed.body === null) await drainedRequest(request).drain();
      return response;
    } catch (error) {
      createConsoleLog("error").error("the vault could not be reached", {
        reason: messageOf(error),
      });
      // Not repeated here: whether the request took effect is not known.
      return errorResponse(503, ["the vault could not be reached"]);
    }
  },
};

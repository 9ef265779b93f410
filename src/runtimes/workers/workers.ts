/** The Worker: finds the vault's Durable Object and passes the request to it, with its body. */

import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import { messageOf } from "../../errors.ts";
import { errorResponse } from "../error_response.ts";
import { createConsoleLog } from "./console_log.ts";
import { drainedRequest } from "./drained_request.ts";
import { handOver } from "./hand_over.ts";

export { VaultObject } from "./vault_object.ts";

interface Env {
  readonly VAULT: DurableObjectNamespace;
  /** Set only by `scripts/start_workers.mjs`: how clients reach the product's server in front. */
  readonly LOCAL_SERVER?: "http" | "https";
}

/** Each deployment has one vault. Its object is found by this name, which must never change. */
const VAULT_NAME = "vault";

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const vault = env.VAULT.get(env.VAULT.idFromName(VAULT_NAME));
      const handed = handOver(request, env.LOCAL_SERVER !== undefined);
      // The platform's and the web's request types are one class at run time.
      const response = await vault.fetch(handed as never) as unknown as Response;
      // The body was not passed on.
      if (handed.body === null) await drainedRequest(request).drain();
      return response;
    } catch (error) {
      createConsoleLog("error").error("the vault could not be reached", {
        reason: messageOf(error),
      });
      // Not retried: the request may have taken effect.
      return errorResponse(503, ["the vault could not be reached"]);
    }
  },
};

/** The Worker: finds the vault's Durable Object and hands the request over, body and all. */

import type { DurableObjectNamespace } from "@cloudflare/workers-types";

export { VaultObject } from "./vault_object.ts";

interface Env {
  readonly VAULT: DurableObjectNamespace;
}

/** There is one vault in a deployment; its object is found by this name for ever. */
const VAULT_NAME = "vault";

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const vault = env.VAULT.get(env.VAULT.idFromName(VAULT_NAME));
    try {
      // The platform's types of a request and the web's are one class at run time.
      return await vault.fetch(request as never) as unknown as Response;
    } catch {
      // Not repeated here: whether the request took effect is not known.
      return Response.json({ errors: ["the vault could not be reached"] }, {
        status: 503,
        headers: { "cache-control": "no-store" },
      });
    }
  },
};

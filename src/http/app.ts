/**
 * The Hono app: a web-standard handler over one vault, the same on every runtime. Endpoints register
 * themselves; this file says in which order, and what holds for all of them.
 */

import { Hono } from "hono";
import { randomBytes } from "../crypto/random.ts";
import type { Vault } from "../vault/vault.ts";
import { registerTokenEndpoints } from "./auth_token.ts";
import type { AppContext, AppOptions } from "./call.ts";
import { registerEngineRoutes } from "./engine_routes.ts";
import { cleanTarget } from "./paths.ts";
import { errorReply } from "./replies.ts";
import { registerBackupEndpoints } from "./sys_backup.ts";
import { registerGenerateRootEndpoints } from "./sys_generate_root.ts";
import { registerKeyringEndpoints } from "./sys_keyring.ts";
import { registerMountEndpoints } from "./sys_mounts.ts";
import { registerPolicyEndpoints } from "./sys_policies.ts";
import { registerRekeyEndpoints } from "./sys_rekey.ts";
import { registerRewrapEndpoints } from "./sys_rewrap.ts";
import { registerRotateEndpoints } from "./sys_rotate.ts";
import { registerSealEndpoints } from "./sys_seal.ts";

/** What the servers pass along with a request. */
interface Bindings {
  /** Path and query as the client sent them, where the platform tells. */
  readonly rawTarget?: string;
}

export function createApp(vault: Vault, options: AppOptions): Hono {
  const app = new Hono();
  const { nowMs, log } = vault;
  const context: AppContext = { vault, options, random: randomBytes, nowMs, log };

  app.use("*", async function redirectUncleanPaths(c, next) {
    const target = (c.env as Bindings | undefined)?.rawTarget;
    const clean = target === undefined ? null : cleanTarget(target);
    if (clean === null) return await next();
    return new Response(null, { status: 307, headers: { Location: clean } });
  });
  registerSealEndpoints(app, context);
  registerRekeyEndpoints(app, context);
  registerRotateEndpoints(app, context);
  registerBackupEndpoints(app, context);
  registerGenerateRootEndpoints(app, context);
  registerKeyringEndpoints(app, context);
  registerRewrapEndpoints(app, context);
  registerMountEndpoints(app, context);
  registerPolicyEndpoints(app, context);
  registerTokenEndpoints(app, context);
  registerEngineRoutes(app, context);
  app.all("/v1", () => errorReply(404, []));
  app.notFound(() => errorReply(404, []));
  app.onError((error) => {
    log.error("request failed", { code: error.name });
    return errorReply(500, ["internal error"]);
  });
  return app;
}

export type { AppOptions } from "./call.ts";

/**
 * The Hono app: a web-standard handler over one vault, the same on every runtime. Endpoints are
 * tables; this file sets the order in which they are tried, and the rules for all of them.
 */

import { Hono } from "hono";
import { causeOf } from "../errors.ts";
import { randomBytes } from "../crypto/random.ts";
import { FORM_FIELDS_MAX, TARGET_MAX_CHARS } from "../limits.ts";
import type { Vault } from "../vault/vault.ts";
import { registerAuthRoutes } from "./mounted/auth_routes.ts";
import type { AppContext, AppOptions } from "./request/call.ts";
import { answerOrigins } from "./request/cors.ts";
import { registerEngineRoutes } from "./mounted/engine_routes.ts";
import { refuseForeignPages } from "./request/foreign_pages.ts";
import { followRequests } from "./request/in_flight.ts";
import { hasMoreFields } from "./request/json.ts";
import { registerOnDemand } from "./on_demand.ts";
import { callAt, cleanTarget, hasEncodedDots, targetOf } from "./request/targets.ts";
import { RateLimiter } from "./request/rate_limit.ts";
import { registerRaw } from "./request/raw.ts";
import { refusePath } from "./request/refuse.ts";
import { countRequests } from "./request/request_counts.ts";
import { errorReply, redirectReply } from "./request/replies.ts";
import { HEALTH_ENDPOINTS } from "./sys/server/health.ts";
import { SEAL_ENDPOINTS } from "./sys/seal/init_unseal.ts";
import { registerWrappingGuard } from "./sys/access/wrapping_guard.ts";

export function createApp(vault: Vault, options: AppOptions): Hono {
  const app = new Hono();
  const { nowMs, log } = vault;
  const anonymous = new RateLimiter(options.rateLimit ?? null, nowMs);
  const help = () => import("./describe/help.ts");
  const context: AppContext = { vault, options, random: randomBytes, nowMs, log, help, anonymous };

  app.use("*", answerOrigins(vault), followRequests(context));
  app.use("*", async function redirectUncleanPaths(c, next) {
    const target = targetOf(c);
    if (target.length > TARGET_MAX_CHARS) return errorReply(414, ["request target too long"]);
    if (hasMoreFields(target)) {
      return errorReply(400, [`more than ${FORM_FIELDS_MAX} query parameters`]);
    }
    if (hasEncodedDots(target)) return await refusePath(callAt(c, context, target));
    const clean = cleanTarget(target);
    // The client's "#" is part of the path. A URL would drop it and everything after it.
    if (clean !== null) return redirectReply(clean.replaceAll("#", "%23"));
    if (target.includes("#")) {
      const url = new URL(c.req.url).origin + target.replaceAll("#", "%23");
      return await app.fetch(new Request(url, c.req.raw), {
        ...(c.env as object),
        rawTarget: undefined,
      });
    }
    return await next();
  });
  app.use("*", refuseForeignPages(context));
  app.use("/v1/*", countRequests(vault.metrics, nowMs));
  app.use("/v1/*", async function echoNamespace(c, next) {
    await next();
    const namespace = c.req.header("x-vault-namespace") ?? "";
    if (namespace !== "") c.res.headers.set("X-Vault-Namespace", namespace);
  });
  registerWrappingGuard(app, context);
  registerRaw(app, context, [...SEAL_ENDPOINTS, ...HEALTH_ENDPOINTS]);
  app.all("/v1/sys", (c) => redirectReply(`/v1/sys/${new URL(c.req.url).search}`));
  registerOnDemand(app, context);
  registerAuthRoutes(app, context);
  app.all("/v1", () => errorReply(404, []));
  registerEngineRoutes(app, context);
  app.notFound(() => errorReply(404, []));
  app.onError((error) => {
    log.error("request failed", { reason: causeOf(error) });
    return errorReply(500, ["internal error"]);
  });
  return app;
}

export type { AppOptions } from "./request/call.ts";

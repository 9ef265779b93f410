/**
 * Most endpoints are loaded by the first request for one of them. A Worker starts small, with only
 * what unseals the vault and serves its secrets. Late loading changes no answer.
 */

import { Hono } from "hono";
import type { AppContext } from "./request/call.ts";
import { registerEngineRoutes } from "./mounted/engine_routes.ts";
import { registerLogical } from "./request/serve_logical.ts";
import { registerRaw } from "./request/raw.ts";

/** The paths of `endpoints.ts`. Endpoints loaded at the start are matched before them. */
export const ON_DEMAND_PATHS: readonly string[] = ["auth/token/*", "identity/*", "sys/*"];

export function registerOnDemand(app: Hono, context: AppContext): void {
  let loading: Promise<Hono> | null = null;
  const load = async (): Promise<Hono> => {
    const { RAW_ENDPOINTS, ENDPOINTS } = await import("./endpoints.ts");
    const part = new Hono();
    registerRaw(part, context, RAW_ENDPOINTS);
    registerLogical(part, context, ENDPOINTS);
    registerEngineRoutes(part, context);
    return part.onError((error) => {
      throw error;
    });
  };
  for (const path of ON_DEMAND_PATHS) {
    app.all(`/v1/${path}`, async (c) => {
      loading ??= load();
      loading.catch(() => loading = null);
      return await (await loading).fetch(c.req.raw, c.env);
    });
  }
}

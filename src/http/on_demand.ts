/**
 * Endpoints that are asked seldom are loaded by their first request: a Worker starts with what every
 * client needs, and stays small. They are served as if they had been there from the start.
 */

import { Hono } from "hono";
import type { AppContext } from "./call.ts";
import { registerEngineRoutes } from "./engine_routes.ts";

type Register = (app: Hono, context: AppContext) => void;

/** `paths`: below `/v1/`, as Hono writes them; they cover all that is registered, and may more. */
export function registerOnDemand(
  app: Hono,
  context: AppContext,
  paths: readonly string[],
  load: () => Promise<Register>,
): void {
  let loading: Promise<Hono> | null = null;
  const part = async (): Promise<Hono> => {
    const served = new Hono();
    (await load())(served, context);
    registerEngineRoutes(served, context);
    return served.onError((error) => {
      throw error;
    });
  };
  for (const path of paths) {
    app.all(`/v1/${path}`, async (c) => {
      loading ??= part();
      loading.catch(() => loading = null);
      return await (await loading).fetch(c.req.raw, c.env);
    });
  }
}

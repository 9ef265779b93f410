/** Which endpoints are loaded by their first request, and below which paths they are. */

import type { Hono } from "hono";
import type { AppContext } from "./call.ts";
import { registerOnDemand } from "./on_demand.ts";

export function registerSeldomAsked(app: Hono, context: AppContext): void {
  const register = (paths: readonly string[], load: Parameters<typeof registerOnDemand>[3]): void =>
    registerOnDemand(app, context, paths, load);
  register(
    ["sys/auth", "sys/auth/*"],
    async () => (await import("./sys_auth.ts")).registerLoginMountEndpoints,
  );
  register(
    ["sys/internal/ui/*"],
    async () => (await import("./sys_internal_ui.ts")).registerInternalUiEndpoints,
  );
  register(
    ["sys/remount", "sys/remount/*"],
    async () => (await import("./sys_remount.ts")).registerRemountEndpoints,
  );
  register(
    [
      "sys/leases/*",
      "sys/renew/*",
      "sys/revoke/*",
      "sys/revoke-prefix/*",
      "sys/revoke-force/*",
    ],
    async () => (await import("./sys_leases.ts")).registerLeaseEndpoints,
  );
  register(
    ["sys/tools/*"],
    async () => (await import("./sys_tools.ts")).registerToolEndpoints,
  );
  register(
    ["sys/version-history/*", "sys/plugins/*", "sys/config/cors"],
    async () => (await import("./sys_product.ts")).registerProductEndpoints,
  );
}

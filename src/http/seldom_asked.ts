/**
 * The endpoints that are asked seldom, in one module to load, and the handlers of the auth methods,
 * which need the same.
 */

import type { Hono } from "hono";
import type { AppContext } from "./call.ts";
import { registerAuditEndpoints } from "./sys_audit.ts";
import { registerLoginMountEndpoints } from "./sys_auth.ts";
import { registerCapabilityEndpoints } from "./sys_capabilities.ts";
import { registerGenerateRootEndpoints } from "./sys_generate_root.ts";
import { registerInternalUiEndpoints } from "./sys_internal_ui.ts";
import { registerLeaseEndpoints } from "./sys_leases.ts";
import { registerMetricsEndpoint } from "./sys_metrics.ts";
import { registerMountEndpoints } from "./sys_mounts.ts";
import { registerPolicyEndpoints } from "./sys_policies.ts";
import { registerProductEndpoints } from "./sys_product.ts";
import { registerRemountEndpoints } from "./sys_remount.ts";
import { registerRotateEndpoints } from "./sys_rotate.ts";
import { registerToolEndpoints } from "./sys_tools.ts";
import { registerTokenRoleEndpoints } from "./token_roles.ts";

export { appRoleExists, serveAppRole } from "./auth_approle.ts";
export { serveUserpass, userpassExists } from "./auth_userpass.ts";

export function registerSeldomAsked(app: Hono, context: AppContext): void {
  registerAuditEndpoints(app, context);
  registerCapabilityEndpoints(app, context);
  registerGenerateRootEndpoints(app, context);
  registerLoginMountEndpoints(app, context);
  registerInternalUiEndpoints(app, context);
  registerLeaseEndpoints(app, context);
  registerMetricsEndpoint(app, context);
  registerMountEndpoints(app, context);
  registerPolicyEndpoints(app, context);
  registerProductEndpoints(app, context);
  registerRemountEndpoints(app, context);
  registerRotateEndpoints(app, context);
  registerTokenRoleEndpoints(app, context);
  registerToolEndpoints(app, context);
}

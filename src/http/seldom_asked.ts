/**
 * The endpoints that are asked seldom, in one module to load, and the handlers of the auth methods,
 * which need the same.
 */

import { TOKEN_ROLE_ENDPOINTS } from "./token_roles.ts";
import type { LogicalEndpoint } from "./logical.ts";
import type { RawEndpoint } from "./raw.ts";
import { OFTEN_ASKED, RAW_OFTEN_ASKED } from "./often_asked.ts";
import { AUDIT_ENDPOINTS } from "./sys_audit.ts";
import { LOGIN_MOUNT_ENDPOINTS } from "./sys_auth.ts";
import { CAPABILITY_ENDPOINTS } from "./sys_capabilities.ts";
import { GENERATE_ROOT_ENDPOINTS, GENERATE_ROOT_TOKEN_ENDPOINTS } from "./sys_generate_root.ts";
import { INTERNAL_UI_ENDPOINTS } from "./sys_internal_ui.ts";
import { openApiEndpoint } from "./sys_openapi.ts";
import { LEASE_ENDPOINTS } from "./sys_leases.ts";
import { METRICS_ENDPOINTS } from "./sys_metrics.ts";
import { MOUNT_ENDPOINTS } from "./sys_mounts.ts";
import { POLICY_ENDPOINTS } from "./sys_policies.ts";
import { PRODUCT_ENDPOINTS } from "./sys_product.ts";
import { REMOUNT_ENDPOINTS } from "./sys_remount.ts";
import { ROTATE_ENDPOINTS } from "./sys_rotate.ts";
import { TOOL_ENDPOINTS } from "./sys_tools.ts";

export { appRoleExists, serveAppRole } from "./auth_approle.ts";
export { serveUserpass, userpassExists } from "./auth_userpass.ts";

export const SELDOM_ASKED: readonly LogicalEndpoint[] = [
  ...AUDIT_ENDPOINTS,
  ...CAPABILITY_ENDPOINTS,
  ...GENERATE_ROOT_TOKEN_ENDPOINTS,
  ...INTERNAL_UI_ENDPOINTS,
  ...LEASE_ENDPOINTS,
  ...LOGIN_MOUNT_ENDPOINTS,
  ...METRICS_ENDPOINTS,
  ...MOUNT_ENDPOINTS,
  ...POLICY_ENDPOINTS,
  ...PRODUCT_ENDPOINTS,
  ...REMOUNT_ENDPOINTS,
  ...ROTATE_ENDPOINTS,
  ...TOKEN_ROLE_ENDPOINTS,
  ...TOOL_ENDPOINTS,
  openApiEndpoint(allTables),
];

export const RAW_SELDOM_ASKED: readonly RawEndpoint[] = GENERATE_ROOT_ENDPOINTS;

function allTables() {
  return {
    raw: [...RAW_OFTEN_ASKED, ...RAW_SELDOM_ASKED],
    logical: [...OFTEN_ASKED, ...SELDOM_ASKED],
  };
}

/**
 * All endpoints but those of `app.ts`, in one module that is loaded when the first of them is asked,
 * and the handlers of the auth methods, which need the same.
 */

import { TOKEN_ENDPOINTS } from "./auth_token.ts";
import { IDENTITY_ENDPOINTS } from "./identity.ts";
import type { LogicalEndpoint } from "./logical.ts";
import type { RawEndpoint } from "./raw.ts";
import { ABSENT_ENDPOINTS } from "./sys_absent.ts";
import { AUDIT_ENDPOINTS } from "./sys_audit.ts";
import { LOGIN_MOUNT_ENDPOINTS } from "./sys_auth.ts";
import { BACKUP_ENDPOINTS } from "./sys_backup.ts";
import { capabilityEndpoints } from "./sys_capabilities.ts";
import { CORS_ENDPOINTS } from "./sys_cors.ts";
import { COUNTER_ENDPOINTS } from "./sys_counters.ts";
import { GENERATE_ROOT_ENDPOINTS } from "./sys_generate_root.ts";
import { GENERATE_ROOT_TOKEN_ENDPOINTS } from "./sys_generate_root_token.ts";
import { HEALTH_ENDPOINTS } from "./sys_health.ts";
import { INTERNAL_UI_ENDPOINTS } from "./sys_internal_ui.ts";
import { KEYRING_ENDPOINTS } from "./sys_keyring.ts";
import { LEASE_ENDPOINTS } from "./sys_leases.ts";
import { LOCKED_USERS_ENDPOINTS } from "./sys_locked_users.ts";
import { METRICS_ENDPOINTS } from "./sys_metrics.ts";
import { MOUNT_ENDPOINTS } from "./sys_mounts.ts";
import { openApiEndpoint } from "./sys_openapi.ts";
import { PASSWORD_POLICY_ENDPOINTS } from "./sys_password_policies.ts";
import { POLICY_ENDPOINTS } from "./sys_policies.ts";
import { PRODUCT_ENDPOINTS } from "./sys_product.ts";
import { REKEY_ENDPOINTS } from "./sys_rekey.ts";
import { REMOUNT_ENDPOINTS } from "./sys_remount.ts";
import { REWRAP_ENDPOINTS } from "./sys_rewrap.ts";
import { ROTATE_ENDPOINTS } from "./sys_rotate.ts";
import { SEAL_ENDPOINTS } from "./sys_seal.ts";
import { SERVER_ENDPOINTS } from "./sys_server.ts";
import { RAW_STATUS_ENDPOINTS, STATUS_ENDPOINTS } from "./sys_status.ts";
import { TOOL_ENDPOINTS } from "./sys_tools.ts";
import type { SystemTables } from "./system_tables.ts";
import { UI_HEADER_ENDPOINTS } from "./sys_ui_headers.ts";
import { WRAPPING_ENDPOINTS } from "./sys_wrapping.ts";
import { TOKEN_ROLE_ENDPOINTS } from "./token_roles.ts";

export { appRoleExists, serveAppRole } from "./auth_approle.ts";
export { serveUserpass, userpassExists } from "./auth_userpass.ts";
export { judgedAtLogin } from "./login_tables.ts";

export const ENDPOINTS: readonly LogicalEndpoint[] = [
  ...ABSENT_ENDPOINTS,
  ...AUDIT_ENDPOINTS,
  ...BACKUP_ENDPOINTS,
  ...capabilityEndpoints(allTables),
  ...COUNTER_ENDPOINTS,
  ...CORS_ENDPOINTS,
  ...GENERATE_ROOT_TOKEN_ENDPOINTS,
  ...INTERNAL_UI_ENDPOINTS,
  ...KEYRING_ENDPOINTS,
  ...IDENTITY_ENDPOINTS,
  ...LEASE_ENDPOINTS,
  ...LOCKED_USERS_ENDPOINTS,
  ...LOGIN_MOUNT_ENDPOINTS,
  ...METRICS_ENDPOINTS,
  ...MOUNT_ENDPOINTS,
  ...PASSWORD_POLICY_ENDPOINTS,
  ...POLICY_ENDPOINTS,
  ...PRODUCT_ENDPOINTS,
  ...REMOUNT_ENDPOINTS,
  ...REWRAP_ENDPOINTS,
  ...ROTATE_ENDPOINTS,
  ...SERVER_ENDPOINTS,
  ...STATUS_ENDPOINTS,
  ...TOKEN_ENDPOINTS,
  ...TOKEN_ROLE_ENDPOINTS,
  ...TOOL_ENDPOINTS,
  ...UI_HEADER_ENDPOINTS,
  ...WRAPPING_ENDPOINTS,
  openApiEndpoint(allTables),
];

export const RAW_ENDPOINTS: readonly RawEndpoint[] = [
  ...GENERATE_ROOT_ENDPOINTS,
  ...RAW_STATUS_ENDPOINTS,
  ...REKEY_ENDPOINTS,
];

const ALL_RAW: readonly RawEndpoint[] = [
  ...SEAL_ENDPOINTS,
  ...HEALTH_ENDPOINTS,
  ...RAW_ENDPOINTS,
];

function allTables(): SystemTables {
  return { raw: ALL_RAW, logical: ENDPOINTS };
}

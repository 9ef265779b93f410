/**
 * All endpoints except those of `app.ts`, in one module that is loaded on the first request for one
 * of them.
 */

import { TOKEN_ENDPOINTS } from "./token/endpoints.ts";
import { IDENTITY_ENDPOINTS } from "./sys/access/identity.ts";
import type { LogicalEndpoint } from "./request/logical.ts";
import type { RawEndpoint } from "./request/raw_endpoint.ts";
import { ABSENT_ENDPOINTS } from "./sys/server/absent.ts";
import { AUDIT_ENDPOINTS } from "./sys/server/audit.ts";
import { AUTH_MOUNT_ENDPOINTS } from "./sys/mounts/auth_mounts.ts";
import { BACKUP_ENDPOINTS } from "./sys/seal/backup.ts";
import { capabilityEndpoints } from "./sys/access/capabilities.ts";
import { CORS_ENDPOINTS } from "./sys/server/cors.ts";
import { COUNTER_ENDPOINTS } from "./sys/server/counters.ts";
import { GENERATE_ROOT_ENDPOINTS } from "./sys/seal/generate_root.ts";
import { GENERATE_ROOT_TOKEN_ENDPOINTS } from "./sys/seal/generate_root_token.ts";
import { HEALTH_ENDPOINTS } from "./sys/server/health.ts";
import { INTERNAL_UI_ENDPOINTS } from "./sys/mounts/internal_ui.ts";
import { KEYRING_ENDPOINTS } from "./sys/seal/keyring.ts";
import { LEASE_ENDPOINTS } from "./sys/access/leases.ts";
import { LOCKED_USERS_ENDPOINTS } from "./sys/mounts/locked_users.ts";
import { METRICS_ENDPOINTS } from "./sys/server/metrics.ts";
import { MOUNT_ENDPOINTS } from "./sys/mounts/mounts.ts";
import { openApiEndpoint } from "./describe/openapi_endpoint.ts";
import { PASSWORD_POLICY_ENDPOINTS } from "./sys/access/password_policies.ts";
import { PLUGIN_ENDPOINTS } from "./sys/mounts/plugins.ts";
import { POLICY_ENDPOINTS } from "./sys/access/policies.ts";
import { PRODUCT_ENDPOINTS } from "./sys/server/product.ts";
import { REKEY_ENDPOINTS } from "./sys/seal/rekey.ts";
import { REMOUNT_ENDPOINTS } from "./sys/mounts/remount.ts";
import { REWRAP_ENDPOINTS } from "./sys/seal/rewrap.ts";
import { ROTATE_ENDPOINTS } from "./sys/seal/rotate.ts";
import { SEAL_ENDPOINTS } from "./sys/seal/init_unseal.ts";
import { SERVER_ENDPOINTS } from "./sys/server/server.ts";
import { RAW_STATUS_ENDPOINTS, STATUS_ENDPOINTS } from "./sys/server/status.ts";
import { TOOL_ENDPOINTS } from "./sys/server/tools.ts";
import type { SystemTables } from "./request/find_endpoint.ts";
import { UI_HEADER_ENDPOINTS } from "./sys/server/ui_headers.ts";
import { WRAPPING_ENDPOINTS } from "./sys/access/wrapping.ts";
import { TOKEN_ROLE_ENDPOINTS } from "./token/roles.ts";
import { judgedAnywhere } from "./mounted/judged_anywhere.ts";

export const ENDPOINTS: readonly LogicalEndpoint[] = [
  ...ABSENT_ENDPOINTS,
  ...AUDIT_ENDPOINTS,
  ...BACKUP_ENDPOINTS,
  ...capabilityEndpoints((unsealed, path) => judgedAnywhere(unsealed, allTables(), path)),
  ...COUNTER_ENDPOINTS,
  ...CORS_ENDPOINTS,
  ...GENERATE_ROOT_TOKEN_ENDPOINTS,
  ...INTERNAL_UI_ENDPOINTS,
  ...KEYRING_ENDPOINTS,
  ...IDENTITY_ENDPOINTS,
  ...LEASE_ENDPOINTS,
  ...LOCKED_USERS_ENDPOINTS,
  ...AUTH_MOUNT_ENDPOINTS,
  ...METRICS_ENDPOINTS,
  ...MOUNT_ENDPOINTS,
  ...PASSWORD_POLICY_ENDPOINTS,
  ...POLICY_ENDPOINTS,
  ...PLUGIN_ENDPOINTS,
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

/** The endpoints that every client needs: loaded at the start. The others are in `seldom_asked.ts`. */

import { TOKEN_ENDPOINTS } from "./auth_token.ts";
import type { LogicalEndpoint } from "./logical.ts";
import type { RawEndpoint } from "./raw.ts";
import { BACKUP_ENDPOINTS } from "./sys_backup.ts";
import { KEYRING_ENDPOINTS } from "./sys_keyring.ts";
import { REKEY_ENDPOINTS } from "./sys_rekey.ts";
import { REWRAP_ENDPOINTS } from "./sys_rewrap.ts";
import { SEAL_ENDPOINTS } from "./sys_seal.ts";
import { RAW_STATUS_ENDPOINTS, STATUS_ENDPOINTS } from "./sys_status.ts";
import { WRAPPING_ENDPOINTS } from "./sys_wrapping.ts";

export const RAW_OFTEN_ASKED: readonly RawEndpoint[] = [
  ...SEAL_ENDPOINTS,
  ...REKEY_ENDPOINTS,
  ...RAW_STATUS_ENDPOINTS,
];

export const OFTEN_ASKED: readonly LogicalEndpoint[] = [
  ...BACKUP_ENDPOINTS,
  ...KEYRING_ENDPOINTS,
  ...REWRAP_ENDPOINTS,
  ...TOKEN_ENDPOINTS,
  ...WRAPPING_ENDPOINTS,
  ...STATUS_ENDPOINTS,
];

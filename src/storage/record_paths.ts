/** Paths of all records. The table in `src/README.md` lists their contents and protection. */

/** Plain JSON, readable while sealed. Rewritten by every commit that changes keys or shares. */
export const SEAL_CONFIG_PATH = "core/seal-config";
export const ROOT_KEY_PATH = "core/root-key";
export const KEYRING_PATH = "core/keyring";
export const RECOVERY_KEY_PATH = "core/recovery-key";
/** Wrapping keys replaced by a rekey, kept until no record needs them. */
export const PREVIOUS_SEAL_KEYS_PATH = "core/previous-seal-keys";
export const TERM_OPERATIONS_PATH = "core/term-operations";
export const CLUSTER_PATH = "core/cluster";
export const MOUNTS_PATH = "core/mounts";
export const LOGIN_MOUNTS_PATH = "core/auth";
/** The most recent moves of mounts. */
export const REMOUNTS_PATH = "core/remounts";
export const REWRAP_PATH = "core/rewrap";
export const AUDIT_PATH = "core/audit";

export const POLICY_PREFIX = "sys/policy/";
export const PASSWORD_POLICY_PREFIX = "sys/password-policy/";
export const TOKEN_PREFIX = "sys/token/id/";
export const TOKEN_ACCESSOR_PREFIX = "sys/token/accessor/";
export const TOKEN_PARENT_PREFIX = "sys/token/parent/";
/** `<time>/<token hash>`: text order is order of expiry. */
export const TOKEN_EXPIRY_PREFIX = "sys/token/expiry/";
export const TOKEN_ROLE_PREFIX = "sys/token/role/";
export const ENTITY_PREFIX = "sys/entity/";
/** Settings made by request: `server_settings.ts`. */
export const SERVER_SETTING_PREFIX = "sys/config/";
export const WRAPPED_REPLY_PREFIX = "sys/wrapping/";
export const MOUNT_DATA_PREFIX = "logical/";
export const LOGIN_DATA_PREFIX = "auth/";
/** `<time>/<mount uuid>/<hash>`: text order is order of expiry. */
export const LOGIN_EXPIRY_PREFIX = "sys/login-expiry/";

/** Due times of the alarm; see `due.ts`. */
export const DUE_PREFIX = "core/due/";

export function shareChecksPath(target: string): string {
  return `core/share-checks/${target}`;
}

export function ceremonyPath(target: string): string {
  return `core/ceremony/${target}`;
}

/** The backup requested with `backup: true`. */
export function backupPath(target: string): string {
  return `core/backup/${target}`;
}

/** PGP-encrypted shares of the last ceremony, each kept until its holder has confirmed. */
export function deliveryPath(target: string): string {
  return `core/delivery/${target}`;
}

export function duePath(job: string): string {
  return `${DUE_PREFIX}${job}`;
}

/** The mount of an auth method, as data. The table of them is the vault's. */

import type { MountSettings, UserLockout } from "./mount_settings.ts";

/** Types that can be mounted. */
export type AuthMethodType = "approle" | "userpass";

export interface AuthMountConfig extends MountSettings {
  /** `default-…`: unless a user or role says otherwise. */
  readonly tokenType: "default-service" | "default-batch" | "service" | "batch";
  /** Null: nobody has said anything. */
  readonly userLockout: UserLockout | null;
}

export interface AuthMount {
  /** Without `auth/`; ends in "/". */
  readonly path: string;
  /** `token`: the token store, a mount in name only. */
  readonly type: AuthMethodType | "token";
  readonly description: string;
  readonly accessor: string;
  readonly uuid: string;
  readonly local: boolean;
  readonly sealWrap: boolean;
  readonly externalEntropyAccess: boolean;
  readonly options: Readonly<Record<string, string>> | null;
  readonly config: AuthMountConfig;
  /** It is being removed: no login any more. */
  readonly closing: boolean;
}

/** Of the token store. */
export const TOKEN_MOUNT_PATH = "token/";

/** The mount of an auth method, as data. The vault keeps the table of them. */

import type { MountSettings, UserLockout } from "./mount_settings.ts";

export type AuthMethodType = "approle" | "userpass";

export interface AuthMountConfig extends MountSettings {
  /** `default-…`: applies unless a user or role sets another type. */
  readonly tokenType: "default-service" | "default-batch" | "service" | "batch";
  /** Null if never set. */
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
  /** The mount is being removed and accepts no more logins. */
  readonly closing: boolean;
}

export const TOKEN_MOUNT_PATH = "token/";

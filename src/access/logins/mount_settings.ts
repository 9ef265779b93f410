/** What may be said of every mount, of secrets engines and of auth methods alike. */

export interface MountSettings {
  /** 0: the system's. */
  readonly defaultLeaseSeconds: number;
  readonly maxLeaseSeconds: number;
  readonly forceNoCache: boolean;
  /** `unauth`: shown to who has no token. */
  readonly listingVisibility: "" | "hidden" | "unauth";
  /** Names whose texts stand in the audit trail as they are. */
  readonly auditNonHmacRequestKeys: readonly string[];
  readonly auditNonHmacResponseKeys: readonly string[];
  /** As sent: engines and methods here see no headers. */
  readonly passthroughRequestHeaders: readonly string[];
  readonly allowedResponseHeaders: readonly string[];
}

/** 0 stands for the default: `lockouts.ts`. */
export interface UserLockout {
  readonly threshold: number;
  readonly durationSeconds: number;
  readonly counterResetSeconds: number;
  readonly disabled: boolean;
}

/** Also what a record says that is older than a setting. */
export const DEFAULT_SETTINGS: MountSettings = {
  defaultLeaseSeconds: 0,
  maxLeaseSeconds: 0,
  forceNoCache: false,
  listingVisibility: "",
  auditNonHmacRequestKeys: [],
  auditNonHmacResponseKeys: [],
  passthroughRequestHeaders: [],
  allowedResponseHeaders: [],
};

/** What may be said of every mount, of secrets engines and of auth methods alike. */

import { invalidRequest, type VaultError } from "../errors.ts";

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

/** For a type that nothing has, or a version of it that is none of ours. */
export function notInCatalog(type: string, version: string | null = null): VaultError {
  const asked = version === null ? type : `${type}, version=${version}`;
  return invalidRequest(`plugin not found in the catalog: ${asked}`);
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

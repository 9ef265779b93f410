/** Settings common to the mounts of secrets engines and auth methods. */

import { invalidRequest, type VaultError } from "../errors.ts";

export interface MountSettings {
  /** 0 means the system's. */
  readonly defaultLeaseSeconds: number;
  readonly maxLeaseSeconds: number;
  readonly forceNoCache: boolean;
  /** `unauth`: shown to callers without a token. */
  readonly listingVisibility: "" | "hidden" | "unauth";
  /** Fields whose values appear in the audit trail unhashed. */
  readonly auditNonHmacRequestKeys: readonly string[];
  readonly auditNonHmacResponseKeys: readonly string[];
  /** Stored as sent, without effect: engines and methods here see no headers. */
  readonly passthroughRequestHeaders: readonly string[];
  readonly allowedResponseHeaders: readonly string[];
}

/** 0 means the default (`lockouts.ts`). */
export interface UserLockout {
  readonly threshold: number;
  readonly durationSeconds: number;
  readonly counterResetSeconds: number;
  readonly disabled: boolean;
}

/** The error for an unknown type, or for a version of it that does not exist here. */
export function notInCatalog(type: string, version: string | null = null): VaultError {
  const asked = version === null ? type : `${type}, version=${version}`;
  return invalidRequest(`plugin not found in the catalog: ${asked}`);
}

/** Also fills in settings that older records lack. */
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

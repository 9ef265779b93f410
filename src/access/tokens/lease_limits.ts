/** How long the tokens of a mount live, where neither they nor their makers say. Pure. */

import { LEASE_DEFAULT_SECONDS } from "../../limits.ts";
import type { LoginMount } from "../../vault/mounts/auth_mounts.ts";

export interface LeaseLimits {
  readonly defaultSeconds: number;
  readonly maxSeconds: number;
}

/** What a mount says, where it says something. */
export function leaseLimits({ config }: Pick<LoginMount, "config">): LeaseLimits {
  const maxSeconds = config.maxLeaseSeconds === 0 ? LEASE_DEFAULT_SECONDS : config.maxLeaseSeconds;
  const wanted = config.defaultLeaseSeconds === 0
    ? LEASE_DEFAULT_SECONDS
    : config.defaultLeaseSeconds;
  return { defaultSeconds: Math.min(wanted, maxSeconds), maxSeconds };
}

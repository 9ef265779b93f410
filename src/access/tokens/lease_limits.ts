/** The lease limits of a mount, for tokens that neither a request nor a role limits. Pure. */

import { LEASE_DEFAULT_SECONDS } from "../../limits.ts";
import type { AuthMount } from "../auth_mount.ts";
import type { LeaseLimits } from "./lifetime.ts";

/** The mount's own limits, or the system's where it sets none. */
export function leaseLimits({ config }: Pick<AuthMount, "config">): LeaseLimits {
  const maxSeconds = config.maxLeaseSeconds === 0 ? LEASE_DEFAULT_SECONDS : config.maxLeaseSeconds;
  const wanted = config.defaultLeaseSeconds === 0
    ? LEASE_DEFAULT_SECONDS
    : config.defaultLeaseSeconds;
  return { defaultSeconds: Math.min(wanted, maxSeconds), maxSeconds };
}

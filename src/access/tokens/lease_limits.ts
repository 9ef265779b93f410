/** How long the tokens of a mount live, where neither they nor their makers say. Pure. */

import { LEASE_DEFAULT_SECONDS } from "../../limits.ts";
import type { AuthMount } from "../auth_mount.ts";
import type { LeaseLimits } from "./lifetime.ts";

/** What a mount says, where it says something. */
export function leaseLimits({ config }: Pick<AuthMount, "config">): LeaseLimits {
  const maxSeconds = config.maxLeaseSeconds === 0 ? LEASE_DEFAULT_SECONDS : config.maxLeaseSeconds;
  const wanted = config.defaultLeaseSeconds === 0
    ? LEASE_DEFAULT_SECONDS
    : config.defaultLeaseSeconds;
  return { defaultSeconds: Math.min(wanted, maxSeconds), maxSeconds };
}

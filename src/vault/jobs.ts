/** What the alarm runs on an unsealed vault, and when. Calls must not overlap. */

import type { UnsealedVault } from "./unsealed_vault.ts";

/** Stored due times by job, in milliseconds since the epoch. */
type DueTimes = ReadonlyMap<string, number>;

const REWRAP = "rewrap";

/** Runs a bounded part of each due job. Safe to repeat. */
export async function runDue(
  unsealed: UnsealedVault,
  due: DueTimes,
  nowMs: number,
): Promise<void> {
  const isDue = (job: string): boolean => (due.get(job) ?? Infinity) <= nowMs;
  // Every other job is an attempt that expires.
  if ([...due.keys()].some((job) => job !== REWRAP && isDue(job))) await unsealed.expireAttempts();
  await unsealed.expireTokens();
  await unsealed.logins.expire();
  if (isDue(REWRAP)) await unsealed.rewrap.runSlice();
}

/** When the next job is due; null if no job is pending. */
export async function nextDueMs(unsealed: UnsealedVault, due: DueTimes): Promise<number | null> {
  const expiries = [await unsealed.tokens.nextExpiryAtMs(), await unsealed.logins.nextExpiryAtMs()];
  const times = [...due.values(), ...expiries.filter((atMs) => atMs !== null)];
  return times.length === 0 ? null : Math.min(...times);
}

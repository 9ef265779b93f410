/** What the alarm runs on an unsealed vault, and when. One call at a time. */

import type { UnsealedVault } from "./unsealed_vault.ts";

/** Due times in milliseconds since the epoch, by job, as they are stored. */
type DueTimes = ReadonlyMap<string, number>;

const REWRAP = "rewrap";

/** Runs each job whose time has come; a bounded part of each. Safe to repeat. */
export async function runDue(
  unsealed: UnsealedVault,
  due: DueTimes,
  nowMs: number,
): Promise<void> {
  const isDue = (job: string): boolean => (due.get(job) ?? Infinity) <= nowMs;
  // All others are attempts.
  if ([...due.keys()].some((job) => job !== REWRAP && isDue(job))) await unsealed.expireAttempts();
  await unsealed.expireTokens();
  await unsealed.logins.expire();
  if (isDue(REWRAP)) await unsealed.rewrap.runSlice();
}

/** When the next job is due; null for none. */
export async function nextDueMs(unsealed: UnsealedVault, due: DueTimes): Promise<number | null> {
  const expiries = [await unsealed.tokens.nextExpiryAtMs(), await unsealed.logins.nextExpiryAtMs()];
  const times = [...due.values(), ...expiries.filter((atMs) => atMs !== null)];
  return times.length === 0 ? null : Math.min(...times);
}

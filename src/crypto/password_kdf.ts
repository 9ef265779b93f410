/**
 * scrypt (RFC 7914) by noble, loaded when the first password arrives. The work is done in slices, and
 * between them others run. What must be random is the caller's to choose; nothing is kept.
 */

import { checkBytes, checkInteger } from "./check.ts";

/** What a hash costs: 128 · r · 2^logN bytes of memory, and p times that work. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** A stored cost beyond these bounds is damage, and would stop the process. */
const LOG_N_MAX = 20;
const R_MAX = 32;
const P_MAX = 16;
const PASSWORD_MAX_BYTES = 1024 * 1024;
/** How long others may wait, where the platform's clock runs during a slice. */
const SLICE_MS = 10;

/** `lengthBytes` (16 to 64) from a password and a salt of 1 to 64 bytes. */
export async function deriveScrypt(
  password: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  lengthBytes: number,
): Promise<Uint8Array> {
  checkBytes("password", password, 0, PASSWORD_MAX_BYTES);
  checkBytes("salt", salt, 1, 64);
  checkInteger("logN", cost.logN, 1, LOG_N_MAX);
  checkInteger("r", cost.r, 1, R_MAX);
  checkInteger("p", cost.p, 1, P_MAX);
  checkInteger("lengthBytes", lengthBytes, 16, 64);
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  const { logN, r, p } = cost;
  return await scryptAsync(password, salt, {
    N: 2 ** logN,
    r,
    p,
    dkLen: lengthBytes,
    asyncTick: SLICE_MS,
  });
}

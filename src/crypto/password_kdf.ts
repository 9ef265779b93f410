/**
 * scrypt (RFC 7914) by noble, loaded when the first password arrives. It runs in slices, with other
 * requests between them. The caller chooses the salt; nothing is kept.
 */

import { checkBytes, checkInteger } from "./check.ts";
import {
  SCRYPT_LOG_N_MAX,
  SCRYPT_P_MAX,
  SCRYPT_PASSWORD_MAX_BYTES,
  SCRYPT_R_MAX,
} from "../limits.ts";

/** 128 · r · 2^logN bytes of memory, and p times that work. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** How long other requests may wait, if the platform's clock advances during a slice. */
const SLICE_MS = 10;

/**
 * Derives `lengthBytes` (16 to 64) from a password and a salt of 1 to 64 bytes. Throws RangeError
 * for other lengths, and for costs above the limits.
 */
export async function deriveScrypt(
  password: Uint8Array,
  salt: Uint8Array,
  cost: ScryptCost,
  lengthBytes: number,
): Promise<Uint8Array> {
  checkBytes("password", password, 0, SCRYPT_PASSWORD_MAX_BYTES);
  checkBytes("salt", salt, 1, 64);
  checkInteger("logN", cost.logN, 1, SCRYPT_LOG_N_MAX);
  checkInteger("r", cost.r, 1, SCRYPT_R_MAX);
  checkInteger("p", cost.p, 1, SCRYPT_P_MAX);
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

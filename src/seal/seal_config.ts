/**
 * The seal's settings, stored in clear so that a sealed vault can tell how many shares it needs.
 * They hold no secret. Changing them in storage achieves no more than a vault that does not open.
 */

import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { VaultError } from "../errors.ts";
import { SHARES_MAX } from "../limits.ts";
import type { SealType } from "./seal.ts";

export interface ShareCounts {
  readonly shares: number;
  readonly threshold: number;
}

export type SealConfig =
  | { readonly type: "shamir"; readonly sealKeyId: string; readonly unseal: ShareCounts }
  /** 0 of 0 recovery shares: no recovery key exists. */
  | { readonly type: "static"; readonly sealKeyId: string; readonly recovery: ShareCounts };

/** The shares that authorise a ceremony, which unseal shows as `t` and `n`. */
export function authorisingShares(config: SealConfig): ShareCounts {
  return config.type === "shamir" ? config.unseal : config.recovery;
}

export function encodeSealConfig(config: SealConfig): Uint8Array<ArrayBuffer> {
  const counts = authorisingShares(config);
  return encodeUtf8(JSON.stringify({
    version: 1,
    type: config.type,
    seal_key_id: config.sealKeyId,
    secret_shares: counts.shares,
    secret_threshold: counts.threshold,
  }));
}

interface SealConfigJson {
  readonly version: 1;
  readonly type: SealType;
  readonly seal_key_id: string;
  readonly secret_shares: number;
  readonly secret_threshold: number;
}

export function decodeSealConfig(bytes: Uint8Array): SealConfig {
  const json = JSON.parse(decodeUtf8(bytes)) as SealConfigJson;
  if (json.version !== 1) {
    throw new VaultError("record_malformed", "the seal configuration has an unknown version");
  }
  const counts = { shares: json.secret_shares, threshold: json.secret_threshold };
  return json.type === "shamir"
    ? { type: "shamir", sealKeyId: json.seal_key_id, unseal: counts }
    : { type: "static", sealKeyId: json.seal_key_id, recovery: counts };
}

/** The first problem of a split, in Vault's words and order; null if there is none. */
export function shareCountsProblem(
  counts: ShareCounts,
  recipients: number | null,
): string | null {
  if (counts.shares < 1) return NO_SHARES;
  if (counts.threshold < 1) return NO_THRESHOLD;
  return splitProblem(counts, recipients);
}

/**
 * The same for recovery shares at initialisation, where 0 of 0 is allowed. Vault checks each number
 * by itself last and so accepts shares with threshold 0, which could never be combined. They are
 * refused here.
 */
export function recoveryCountsProblem(
  counts: ShareCounts,
  recipients: number | null,
): string | null {
  const { shares, threshold } = counts;
  if (shares < 0) return NO_SHARES;
  const problem = splitProblem(counts, recipients);
  if (problem !== null) return problem;
  return threshold < 0 || (shares > 0 && threshold === 0) ? NO_THRESHOLD : null;
}

const NO_SHARES = "shares must be at least one";
const NO_THRESHOLD = "threshold must be at least one";

function splitProblem(
  { shares, threshold }: ShareCounts,
  recipients: number | null,
): string | null {
  if (threshold < 2 && shares > 1) return "threshold must be greater than one for multiple shares";
  if (shares > SHARES_MAX) return `shares must be less than ${SHARES_MAX + 1}`;
  if (threshold > SHARES_MAX) return `threshold must be less than ${SHARES_MAX + 1}`;
  if (threshold > shares) return "threshold cannot be larger than shares";
  if (recipients !== null && recipients !== shares) {
    return "count mismatch between number of provided PGP keys and number of shares";
  }
  return null;
}

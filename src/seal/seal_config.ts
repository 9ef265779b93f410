/**
 * The seal's settings, stored in clear so that a sealed vault can tell how many shares it needs.
 * They hold no secret. Changing them in storage achieves no more than a vault that does not open.
 */

import * as v from "valibot";
import { decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { VaultError } from "../errors.ts";
import { SHARES_MAX } from "../limits.ts";
import { SEAL_KIND_NAMES, type SealKind } from "./seal_kind.ts";

export interface ShareCounts {
  readonly shares: number;
  readonly threshold: number;
}

export interface SealConfig {
  readonly type: SealKind;
  /** The seal key that wraps the key records. */
  readonly sealKeyId: string;
  /** The shares that authorise ceremonies, which unseal shows as `t` and `n`. 0 of 0: there are none. */
  readonly counts: ShareCounts;
}

const COUNT = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(SHARES_MAX));

const STORED = v.strictObject({
  version: v.literal(1),
  type: v.picklist(SEAL_KIND_NAMES),
  seal_key_id: v.pipe(v.string(), v.nonEmpty()),
  secret_shares: COUNT,
  secret_threshold: COUNT,
});

export function encodeSealConfig({ type, sealKeyId, counts }: SealConfig): Uint8Array<ArrayBuffer> {
  const stored: v.InferOutput<typeof STORED> = {
    version: 1,
    type,
    seal_key_id: sealKeyId,
    secret_shares: counts.shares,
    secret_threshold: counts.threshold,
  };
  return encodeUtf8(JSON.stringify(stored));
}

/** Throws `record_malformed` for anything but the form above, an unknown kind of seal included. */
export function decodeSealConfig(bytes: Uint8Array): SealConfig {
  const parsed = v.safeParse(STORED, parseStored(bytes));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw malformed(`${v.getDotPath(issue) ?? "the record"} is not as it is written`);
  }
  const { type, seal_key_id, secret_shares, secret_threshold } = parsed.output;
  const counts = { shares: secret_shares, threshold: secret_threshold };
  return { type, sealKeyId: seal_key_id, counts };
}

function parseStored(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch {
    throw malformed("it is not JSON");
  }
}

function malformed(reason: string): VaultError {
  return new VaultError("record_malformed", `cannot read core/seal-config: ${reason}`);
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

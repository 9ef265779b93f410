/** The phases of a vault, and the public status in each. Pure. */

import type { Cluster, UnsealedVault } from "./unsealed_vault.ts";
import type { StoredConfig } from "./seal/stored_config.ts";
import type { SealSettings } from "../seal/kinds.ts";
import type { Share } from "../crypto/keys.ts";

/** Public in every phase. */
export interface SealStatus {
  readonly type: SealSettings["type"];
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly threshold: number;
  readonly shares: number;
  /** Unseal shares submitted so far, and the id of their attempt ("" if none). */
  readonly progress: number;
  readonly attemptId: string;
  readonly storageType: string;
  /** Null while sealed. */
  readonly cluster: Cluster | null;
}

export interface UnsealAttempt {
  readonly id: string;
  readonly shares: readonly Share[];
}

export type Phase =
  | { readonly kind: "uninitialized" }
  | {
    readonly kind: "sealed";
    readonly stored: StoredConfig;
    readonly attempt: UnsealAttempt | null;
  }
  | { readonly kind: "unsealed"; readonly unsealed: UnsealedVault };

export function describePhase(
  phase: Phase,
  sealType: SealStatus["type"],
  storageType: string,
): SealStatus {
  const base = { type: sealType, storageType };
  const idle = { progress: 0, attemptId: "", cluster: null };
  switch (phase.kind) {
    case "uninitialized":
      return { ...base, ...idle, initialized: false, sealed: true, threshold: 0, shares: 0 };
    case "sealed": {
      const { shares, threshold } = phase.stored.config.counts;
      const progress = phase.attempt?.shares.length ?? 0;
      const attemptId = phase.attempt?.id ?? "";
      const counts = { shares, threshold, progress, attemptId };
      return { ...base, ...counts, initialized: true, sealed: true, cluster: null };
    }
    case "unsealed": {
      const { config, cluster } = phase.unsealed;
      const { shares, threshold } = config.counts;
      return { ...base, ...idle, initialized: true, sealed: false, threshold, shares, cluster };
    }
  }
}

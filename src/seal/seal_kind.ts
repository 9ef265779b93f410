/** The kinds of seals by name. `kinds.ts` has a row for each. */

export const SEAL_KIND_NAMES = ["shamir", "static"] as const;

export type SealKind = typeof SEAL_KIND_NAMES[number];

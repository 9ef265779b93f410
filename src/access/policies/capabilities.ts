/** The capabilities that a rule may grant. Pure. */

/** One bit per capability; a rule holds their union. `deny` excludes all others. */
export const CAPABILITY_BITS = {
  deny: 1,
  create: 2,
  read: 4,
  update: 8,
  delete: 16,
  list: 32,
  sudo: 64,
  patch: 128,
  scan: 256,
} as const;

export type Capability = keyof typeof CAPABILITY_BITS;

const BITS_BY_NAME: ReadonlyMap<string, number> = new Map(Object.entries(CAPABILITY_BITS));
const NAMES_SORTED = [...BITS_BY_NAME.keys()].sort() as readonly Capability[];

const { create, read, update, delete: remove, list, sudo, deny } = CAPABILITY_BITS;
/** The words of the legacy `policy` key, which preceded `capabilities`. */
const LEGACY_POLICIES: ReadonlyMap<string, number> = new Map([
  ["deny", deny],
  ["read", read | list],
  ["write", create | read | update | remove | list],
  ["sudo", create | read | update | remove | list | sudo],
]);

/** Undefined for an unknown word. */
export function capabilityBit(word: string): number | undefined {
  return BITS_BY_NAME.get(word);
}

/** Undefined for an unknown word. */
export function legacyPolicyBits(word: string): number | undefined {
  return LEGACY_POLICIES.get(word);
}

/** The capabilities in a set, sorted by name as `sys/capabilities` shows them. */
export function capabilityNames(capabilities: number): readonly Capability[] {
  return NAMES_SORTED.filter((name) => (capabilities & CAPABILITY_BITS[name]) !== 0);
}

/** The words that say what a rule allows. Pure. */

/** One bit per capability; a rule's set is their union. `deny` stands alone. */
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
/** Words of the `policy` key, which is older than `capabilities`. */
const OLD_POLICIES: ReadonlyMap<string, number> = new Map([
  ["deny", deny],
  ["read", read | list],
  ["write", create | read | update | remove | list],
  ["sudo", create | read | update | remove | list | sudo],
]);

/** Undefined for a word that is none. */
export function capabilityBit(word: string): number | undefined {
  return BITS_BY_NAME.get(word);
}

/** Undefined for a word that is none. */
export function oldPolicyBits(word: string): number | undefined {
  return OLD_POLICIES.get(word);
}

/** The capabilities in a set, sorted by name as `sys/capabilities` shows them. */
export function capabilityNames(capabilities: number): readonly Capability[] {
  return NAMES_SORTED.filter((name) => (capabilities & CAPABILITY_BITS[name]) !== 0);
}

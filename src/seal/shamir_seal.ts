/**
 * The Shamir seal's key is derived from the unseal key, so that each rekey brings a new one. Its id
 * is derived too and therefore always names this one key. HKDF reveals nothing about its input.
 */

import { encodeHex } from "../crypto/bytes.ts";
import { hkdfSha256 } from "../crypto/digest.ts";
import { type UnsealKey, wrappingKeyBytes } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { KEY_BYTES } from "../limits.ts";
import { Seal, type SealKey } from "./seal.ts";

const KEY_ID_BYTES = 8;

export function shamirSealKey(unseal: UnsealKey): SealKey {
  const id = hkdfSha256(unseal, undefined, "sealwright shamir seal key id", KEY_ID_BYTES);
  const bytes = hkdfSha256(unseal, undefined, "sealwright shamir seal wrapping key", KEY_BYTES);
  return { id: `shamir-${encodeHex(id)}`, bytes: wrappingKeyBytes(bytes) };
}

export function createShamirSeal(
  unseal: UnsealKey,
  previous: readonly SealKey[],
  random: RandomBytes,
): Seal {
  return new Seal("shamir", shamirSealKey(unseal), previous, random);
}

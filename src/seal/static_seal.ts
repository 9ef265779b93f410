/**
 * The static seal: a key that the operator gives to the process, and optionally the previous one.
 * The operator also chooses the key ids. Wrapping keys are derived from the material, so that its
 * use in another program reveals nothing here.
 */

import { hkdfSha256 } from "../crypto/digest.ts";
import { wrappingKeyBytes } from "../crypto/keys.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { KEY_BYTES } from "../limits.ts";
import { Seal, type SealKey } from "./seal.ts";
import type { StaticSealKey, StaticSealSettings } from "./seal_settings.ts";

function staticSealKey(key: StaticSealKey): SealKey {
  const bytes = hkdfSha256(key.key, undefined, "sealwright static seal wrapping key", KEY_BYTES);
  return { id: key.id, bytes: wrappingKeyBytes(bytes) };
}

export function createStaticSeal(settings: StaticSealSettings, random: RandomBytes): Seal {
  const previous = settings.previous === null ? [] : [staticSealKey(settings.previous)];
  return new Seal("static", staticSealKey(settings.current), previous, random);
}

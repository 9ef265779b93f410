/**
 * Ciphertext of transit: `vault:v<version>:` and base64 of nonce ‖ ciphertext ‖ tag (16 bytes), as
 * Vault writes it. Refusals are values, in Vault's words; they never carry plaintext, ciphertext or
 * key.
 *
 * Nonces are random, of 96 bits or more. Two encryptions under one key version share a nonce with a
 * probability below 2^-32 as long as there are at most 2^32 of them (NIST SP 800-38D, section 8.3).
 * Like Vault, we do not count them: a count that survives a stop costs a write per request, and a
 * version reaches the bound only after 136 years of one encryption per second, or 50 days of a
 * thousand. Callers that encrypt as much set `auto_rotate_period`. They never choose a nonce.
 */

import { concatBytes, decodeBase64 } from "../../crypto/bytes.ts";
import type { RandomBytes } from "../../crypto/random.ts";
import { VaultError } from "../../errors.ts";
import { malformedRecord } from "../json_record.ts";
import { checkAssociatedData, type Checked, refused, usable } from "./base64.ts";
import { KEY_TYPES } from "./key_types.ts";
import type { TransitKey } from "./records.ts";
import type { LoadedKey } from "./store.ts";
import { formatVersioned, parseVersioned } from "./versioned_text.ts";
import { SOFT_DELETED } from "./versions.ts";

const WORDS = { noPrefix: "invalid ciphertext: no prefix", invalid: "invalid ciphertext" };

/** The version to encrypt with; `asked` 0 means the latest. */
export function chooseVersion(key: TransitKey, asked: number): Checked<number> {
  if (key.softDeleted) return refused(SOFT_DELETED);
  if (asked === 0) return usable(key.latestVersion);
  if (asked < 0) return refused("requested version for encryption is negative");
  if (asked > key.latestVersion) {
    return refused("requested version for encryption is higher than the latest key version");
  }
  if (asked < key.minEncryptionVersion) {
    return refused(
      "requested version for encryption is less than the minimum encryption key version",
    );
  }
  return asked < key.minDecryptionVersion ? refused("no such key version") : usable(asked);
}

/** `version` comes from `chooseVersion`. */
export async function encryptBytes(
  loaded: LoadedKey,
  random: RandomBytes,
  version: number,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Promise<string> {
  const aead = await loaded.aead(version);
  if (aead === null) throw malformedRecord("a usable version has no key");
  const nonce = random(KEY_TYPES[loaded.key.type].nonceBytes);
  const ciphertextAndTag = await aead.encrypt(nonce, plaintext, associatedData);
  return formatVersioned(version, concatBytes(nonce, ciphertextAndTag));
}

/** `associatedText`: base64, which is checked only after the form of the ciphertext. */
export async function decryptText(
  loaded: LoadedKey,
  text: string,
  associatedText: string,
): Promise<Checked<Uint8Array>> {
  const parsed = parseCiphertext(loaded.key, text);
  if (parsed.kind === "refused") return parsed;
  const { version, bytes } = parsed.value;
  const associated = checkAssociatedData(associatedText);
  if (associated.kind === "refused") return associated;
  const { nonceBytes, rejection } = KEY_TYPES[loaded.key.type];
  if (bytes.length < nonceBytes) return refused("invalid ciphertext length");
  const aead = await loaded.aead(version);
  if (aead === null) throw malformedRecord("a usable version has no key");
  const nonce = bytes.subarray(0, nonceBytes);
  try {
    return usable(await aead.decrypt(nonce, bytes.subarray(nonceBytes), associated.value));
  } catch (error) {
    if (error instanceof VaultError && error.code === "ciphertext_rejected") {
      return refused(rejection);
    }
    throw error;
  }
}

interface Ciphertext {
  readonly version: number;
  readonly bytes: Uint8Array;
}

function parseCiphertext(key: TransitKey, text: string): Checked<Ciphertext> {
  if (key.softDeleted) return refused(SOFT_DELETED);
  const parsed = parseVersioned(text, WORDS);
  if (parsed.kind === "refused") return parsed;
  // Vault once numbered versions from zero, and still reads version 0 as the first.
  const version = parsed.value.version || 1;
  if (version > key.latestVersion) return refused("invalid ciphertext: version is too new");
  if (version < key.minDecryptionVersion) {
    return refused("ciphertext or signature version is disallowed by policy (too old)");
  }
  const bytes = decodeBase64(parsed.value.base64);
  if (bytes === null) return refused("invalid ciphertext: could not decode base64");
  return usable({ version, bytes });
}

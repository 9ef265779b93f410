/**
 * A seal-wrapped value: `version(1) ‖ idLength(1) ‖ keyId ‖ nonce(12) ‖ ciphertext ‖ tag(16)`. The
 * key id can be read without any key. The bytes before the nonce and the storage path are
 * authenticated.
 */

import { concatBytes, decodeUtf8, encodeUtf8 } from "../crypto/bytes.ts";
import { VaultError } from "../errors.ts";
import { NONCE_BYTES, SEAL_KEY_ID_MAX_BYTES, TAG_BYTES } from "../limits.ts";

const VERSION = 2;
const PREFIX_BYTES = 2;

export interface WrappedValue {
  readonly keyId: string;
  readonly header: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** The bytes before the nonce. Throws RangeError unless `keyId` has 1 to 255 bytes. */
export function wrappedHeader(keyId: string): Uint8Array<ArrayBuffer> {
  const id = encodeUtf8(keyId);
  if (id.length === 0 || id.length > SEAL_KEY_ID_MAX_BYTES) {
    throw new RangeError(
      `seal key id: wanted 1 to ${SEAL_KEY_ID_MAX_BYTES} bytes, got ${id.length}`,
    );
  }
  return concatBytes(new Uint8Array([VERSION, id.length]), id);
}

/** Splits a wrapped value into its parts. Throws `record_malformed`. */
export function parseWrappedValue(bytes: Uint8Array): WrappedValue {
  const idBytes = bytes[1] ?? 0;
  const headerBytes = PREFIX_BYTES + idBytes;
  const shortest = headerBytes + NONCE_BYTES + TAG_BYTES;
  if (bytes[0] !== VERSION || idBytes === 0 || bytes.length < shortest) throw malformed();
  return {
    keyId: decodeKeyId(bytes.subarray(PREFIX_BYTES, headerBytes)),
    header: bytes.subarray(0, headerBytes),
    nonce: bytes.subarray(headerBytes, headerBytes + NONCE_BYTES),
    ciphertext: bytes.subarray(headerBytes + NONCE_BYTES),
  };
}

function decodeKeyId(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw malformed();
  }
}

function malformed(): VaultError {
  return new VaultError("record_malformed", "cannot unwrap a record: not a wrapped value");
}

/**
 * A type for each role of a key. All are bytes, but passing a root key as an unseal key does not
 * compile. The constructors check the length and copy nothing, so the owner of the buffer still
 * wipes it.
 */

import { KEY_BYTES, SUBMITTED_KEY_MAX_BYTES, SUBMITTED_KEY_MIN_BYTES } from "../limits.ts";
import { checkBytes } from "./check.ts";

declare const role: unique symbol;
type Brand<Role extends string> = Uint8Array<ArrayBuffer> & { readonly [role]: Role };

/** 32 bytes, combined from the shares; wraps the root key. */
export type UnsealKey = Brand<"unseal">;
/** 32 bytes; proves a quorum of operators under an auto seal and decrypts nothing. */
export type RecoveryKey = Brand<"recovery">;
/** 32 bytes; encrypts the keyring. */
export type RootKey = Brand<"root">;
/** 32 bytes; the key of one term of the keyring. */
export type DataKey = Brand<"data">;
/** 32 bytes; a seal's key before it becomes an `AeadKey`. */
export type WrappingKeyBytes = Brand<"wrapping">;
/** 16 to 33 bytes: one Shamir point, `y… ‖ x`, or the bare key when there is a single share. */
export type Share = Brand<"share">;

/** Throws RangeError unless `bytes` are 32. */
export function unsealKey(bytes: Uint8Array): UnsealKey {
  return brand<UnsealKey>("unseal key", bytes, KEY_BYTES, KEY_BYTES);
}

/** Throws RangeError unless `bytes` are 32. */
export function recoveryKey(bytes: Uint8Array): RecoveryKey {
  return brand<RecoveryKey>("recovery key", bytes, KEY_BYTES, KEY_BYTES);
}

/** Throws RangeError unless `bytes` are 32. */
export function rootKey(bytes: Uint8Array): RootKey {
  return brand<RootKey>("root key", bytes, KEY_BYTES, KEY_BYTES);
}

/** Throws RangeError unless `bytes` are 32. */
export function dataKey(bytes: Uint8Array): DataKey {
  return brand<DataKey>("data key", bytes, KEY_BYTES, KEY_BYTES);
}

/** Throws RangeError unless `bytes` are 32. */
export function wrappingKeyBytes(bytes: Uint8Array): WrappingKeyBytes {
  return brand<WrappingKeyBytes>("wrapping key", bytes, KEY_BYTES, KEY_BYTES);
}

/** Throws RangeError unless `bytes` are 16 to 33. */
export function share(bytes: Uint8Array): Share {
  return brand<Share>("share", bytes, SUBMITTED_KEY_MIN_BYTES, SUBMITTED_KEY_MAX_BYTES);
}

function brand<Branded extends Uint8Array>(
  name: string,
  bytes: Uint8Array,
  minBytes: number,
  maxBytes: number,
): Branded {
  checkBytes(name, bytes, minBytes, maxBytes);
  // Shared memory could change between this check and the use.
  if (!(bytes.buffer instanceof ArrayBuffer)) {
    throw new TypeError(`${name} must lie in memory of its own: got a shared buffer`);
  }
  return bytes as Branded;
}

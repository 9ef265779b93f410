/**
 * The barrier's record: `version(1) ‖ term(4, big-endian) ‖ nonce(12) ‖ ciphertext ‖ tag(16)`. The
 * first five bytes and the storage path are authenticated, so a record moved to another path or
 * term does not open. Nonces are random. A term is rotated before it has used 2^32 of them, unless
 * `sys/rotate/config` has switched rotation off.
 */

import type { AeadKey } from "../crypto/aead.ts";
import { concatBytes, encodeUtf8 } from "../crypto/bytes.ts";
import type { RandomBytes } from "../crypto/random.ts";
import { VaultError } from "../errors.ts";
import { NONCE_BYTES, TAG_BYTES } from "../limits.ts";

const VERSION = 1;
const HEADER_BYTES = 5;

/** Term of records encrypted by the root key itself. The keyring's terms begin at 1. */
export const ROOT_KEY_TERM = 0;

function header(term: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint32(1, term);
  return bytes;
}

/** Encrypts `plaintext` for `path` under the key of `term`. */
export async function encryptEnvelope(
  key: AeadKey,
  term: number,
  path: string,
  plaintext: Uint8Array,
  random: RandomBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const head = header(term);
  const nonce = random(NONCE_BYTES);
  const sealed = await key.encrypt(nonce, plaintext, concatBytes(head, encodeUtf8(path)));
  return concatBytes(head, nonce, sealed);
}

/** The term in an envelope. Throws `record_malformed` if `bytes` are not one. */
export function envelopeTerm(bytes: Uint8Array): number {
  if (bytes.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || bytes[0] !== VERSION) {
    throw new VaultError("record_malformed", "cannot read a barrier record: not an envelope");
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1);
}

/** Decrypts an envelope stored at `path` with the `key` of its `envelopeTerm`. */
export function decryptEnvelope(
  key: AeadKey,
  path: string,
  bytes: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const head = bytes.subarray(0, HEADER_BYTES);
  const nonce = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  return key.decrypt(
    nonce,
    bytes.subarray(HEADER_BYTES + NONCE_BYTES),
    concatBytes(head, encodeUtf8(path)),
  );
}

/**
 * ChaCha20-Poly1305 (RFC 8439 section 2.8) for long texts: the result is that of noble in one
 * piece, but other requests run between slices. Texts below one slice gain nothing from it.
 */

import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { chacha20 } from "@noble/ciphers/chacha.js";
import { CHACHA_SLICE_BYTES } from "../limits.ts";
import { pause } from "./pause.ts";

const BLOCK_BYTES = 64;
const MAC_BLOCK_BYTES = 16;
const MAC_KEY_BYTES = 32;

/** Encrypts or decrypts `input` into `output`, which has the same length. */
export async function cryptInSlices(
  key: Uint8Array,
  nonce: Uint8Array,
  input: Uint8Array,
  output: Uint8Array,
): Promise<void> {
  for (let at = 0; at < input.length; at += CHACHA_SLICE_BYTES) {
    await pause();
    const end = at + CHACHA_SLICE_BYTES;
    // Block 0 makes the key of the MAC.
    const counter = 1 + at / BLOCK_BYTES;
    chacha20(key, nonce, input.subarray(at, end), output.subarray(at, end), counter);
  }
}

/** The tag of a ciphertext: 16 bytes. */
export async function tagInSlices(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  aad: Uint8Array,
): Promise<Uint8Array> {
  const mac = poly1305.create(chacha20(key, nonce, new Uint8Array(MAC_KEY_BYTES)));
  for (const part of [aad, ciphertext]) {
    for (let at = 0; at < part.length; at += CHACHA_SLICE_BYTES) {
      await pause();
      mac.update(part.subarray(at, at + CHACHA_SLICE_BYTES));
    }
    mac.update(new Uint8Array((MAC_BLOCK_BYTES - part.length % MAC_BLOCK_BYTES) % MAC_BLOCK_BYTES));
  }
  const lengths = new DataView(new ArrayBuffer(MAC_BLOCK_BYTES));
  lengths.setBigUint64(0, BigInt(aad.length), true);
  lengths.setBigUint64(8, BigInt(ciphertext.length), true);
  return mac.update(new Uint8Array(lengths.buffer)).digest();
}

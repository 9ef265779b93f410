/** Helpers for tests of several rooms: repeatable randomness, error codes, flipped bits, pauses. */

import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { hkdfSha256 } from "../../src/crypto/digest.ts";
import type { RandomBytes } from "../../src/crypto/random.ts";
import { VaultError } from "../../src/errors.ts";

/** Repeats its bytes for the same seed and the same calls; never gives the same bytes twice. */
export function seededRandom(seed: string): RandomBytes {
  let calls = 0;
  return (length) => {
    calls += 1;
    return hkdfSha256(encodeUtf8(seed), undefined, `${calls}`, length);
  };
}

/** The code of the VaultError that `body` throws, or "no error". Rethrows any other error. */
export async function codeOf(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    if (error instanceof VaultError) return error.code;
    throw error;
  }
  return "no error";
}

/** A copy with one bit of one byte flipped. */
export function flipBit(bytes: Uint8Array, index: number, bit: number): Uint8Array<ArrayBuffer> {
  const flipped = Uint8Array.from(bytes);
  flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
  return flipped;
}

/** Lets run whatever waits only for promises. */
export async function settle(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise<void>((resolve) => {
    port2.onmessage = () => resolve();
    port1.postMessage(null);
  });
  port1.close();
}

/** What the tests of several rooms need: randomness that repeats itself, and promises held open. */

import { encodeUtf8 } from "../../src/crypto/bytes.ts";
import { hkdfSha256 } from "../../src/crypto/digest.ts";
import type { RandomBytes } from "../../src/crypto/random.ts";
import { VaultError } from "../../src/errors.ts";

/** The same bytes for the same seed and the same calls; never the same bytes twice. */
export function seededRandom(seed: string): RandomBytes {
  let calls = 0;
  return (length) => {
    calls += 1;
    return hkdfSha256(encodeUtf8(seed), undefined, `${calls}`, length);
  };
}

/** The code of the VaultError that `body` ends with; anything else it throws is thrown on. */
export async function codeOf(body: () => unknown): Promise<string> {
  try {
    await body();
  } catch (error) {
    if (error instanceof VaultError) return error.code;
    throw error;
  }
  return "no error";
}

/** One bit of one byte turned over, in a copy. */
export function flipBit(bytes: Uint8Array, index: number, bit: number): Uint8Array<ArrayBuffer> {
  const flipped = Uint8Array.from(bytes);
  flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
  return flipped;
}

/** Lets everything that waits for nothing but promises run. */
export async function settle(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  await new Promise<void>((resolve) => {
    port2.onmessage = () => resolve();
    port1.postMessage(null);
  });
  port1.close();
}

/**
 * Randomness that records what it gave, so that a test knows shares whose answer was lost with the
 * process. The vault under test draws from it.
 */

import { splitKey } from "../../src/ceremony/shares.ts";
import { encodeHex } from "../../src/crypto/bytes.ts";
import { type RandomBytes, randomBytes } from "../../src/crypto/random.ts";
import { KEY_BYTES } from "../../src/limits.ts";

/** A split draws its x coordinates as this many bytes at once; nothing else draws as many. */
const COORDINATES_DRAW_BYTES = 256;

export interface RecordedRandom {
  readonly random: RandomBytes;
  /** The shares (hex) of the last split with this threshold; null when there was none. */
  lastSplit(shares: number, threshold: number): readonly string[] | null;
}

export function recordRandom(): RecordedRandom {
  const draws: Uint8Array[] = [];
  return {
    random: (length) => {
      const bytes = randomBytes(length);
      // A copy, because the product wipes what it is given.
      draws.push(bytes.slice());
      return bytes;
    },
    lastSplit: (shares, threshold) => {
      const end = draws.findLastIndex((draw) => draw.length === COORDINATES_DRAW_BYTES);
      // A split draws the key, the coefficients of the powers 1 … threshold-1, then the coordinates.
      const drawn = draws.slice(Math.max(end - threshold, 0), end + 1);
      const [key, ...rest] = drawn;
      const isSplit = end !== -1 && drawn.length === threshold + 1 &&
        drawn.slice(0, -1).every((draw) => draw.length === KEY_BYTES);
      if (key === undefined || !isSplit) return null;
      const replay = rest.values();
      const random: RandomBytes = () => Uint8Array.from(replay.next().value ?? []);
      return splitKey(key, shares, threshold, random).map(encodeHex);
    },
  };
}

import fc from "fast-check";
import { combine as otherCombine, split as otherSplit } from "shamir-secret-sharing";
import { describe, expect, it } from "vitest";
import { decodeHex, encodeHex } from "../../src/crypto/bytes.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { combineShares, splitSecret } from "../../src/crypto/shamir.ts";
import { VaultError } from "../../src/errors.ts";
import vector from "../vectors/shamir_3_of_4.json" with { type: "json" };

const hex = (text: string) => decodeHex(text)!;
const vectorShares = vector.shares.map(hex);

/** A split of a secret so long that a wrong combination cannot match it by chance. */
const split = fc
  .record({
    secret: fc.uint8Array({ minLength: 16, maxLength: 67 }),
    shareCount: fc.integer({ min: 2, max: 12 }),
    thresholdSeed: fc.nat(),
    order: fc.array(fc.double({ noNaN: true }), { minLength: 12, maxLength: 12 }),
  })
  .map(({ secret, shareCount, thresholdSeed, order }) => {
    const threshold = 2 + thresholdSeed % (shareCount - 1);
    const shares = splitSecret(secret, shareCount, threshold, randomBytes);
    const shuffled = shares
      .map((share, i) => ({ share, rank: order[i]! }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ share }) => share);
    return { secret, shareCount, threshold, shares, shuffled };
  });

describe("published vector", () => {
  it("combineShares() gives the secret from every three shares in every order", () => {
    for (const a of vectorShares) {
      for (const b of vectorShares) {
        for (const c of vectorShares) {
          if (a === b || b === c || a === c) continue;
          expect(encodeHex(combineShares([a, b, c]))).toBe(vector.secret);
        }
      }
    }
    expect(encodeHex(combineShares(vectorShares))).toBe(vector.secret);
    expect(encodeHex(combineShares(vectorShares.slice(0, 2)))).not.toBe(vector.secret);
  });

  it("splitSecret() gives the vector's shares from the vector's randomness", () => {
    const draws = [
      Uint8Array.from({ length: 32 }, (_, i) => i + 1),
      Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 3),
      // splitSecret() skips zero and repeated coordinates.
      Uint8Array.of(0, 1, 1, 2, 0, 5, 2, 255, 9),
    ];
    const shares = splitSecret(hex(vector.secret), 4, 3, () => draws.shift()!);
    expect(shares.map(encodeHex)).toEqual(vector.shares);
  });
});

describe("interoperability", () => {
  it.each([[2, 2], [5, 3], [7, 7], [255, 2]])(
    "%i shares with threshold %i combine here and in another implementation",
    async (shareCount, threshold) => {
      const secret = randomBytes(32);
      const theirs = await otherSplit(secret, shareCount, threshold);
      expect(combineShares(theirs.slice(-threshold))).toEqual(secret);
      const ours = splitSecret(secret, shareCount, threshold, randomBytes);
      expect(await otherCombine(ours.slice(-threshold))).toEqual(secret);
    },
  );
});

describe("properties", () => {
  it("any threshold or more shares in any order give the secret", () => {
    fc.assert(fc.property(split, ({ secret, threshold, shareCount, shuffled }) => {
      for (let taken = threshold; taken <= shareCount; taken++) {
        expect(combineShares(shuffled.slice(0, taken))).toEqual(secret);
      }
    }));
  });

  it("fewer than threshold shares do not give the secret", () => {
    fc.assert(fc.property(split, ({ secret, threshold, shuffled }) => {
      for (let taken = 2; taken < threshold; taken++) {
        expect(combineShares(shuffled.slice(0, taken))).not.toEqual(secret);
      }
    }));
  });

  it("shares are one byte longer than the secret and have distinct non-zero coordinates", () => {
    fc.assert(fc.property(split, ({ secret, shares, shareCount }) => {
      expect(shares.map((share) => share.length)).toEqual(
        Array(shareCount).fill(secret.length + 1),
      );
      const coordinates = new Set(shares.map((share) => share.at(-1)!));
      expect(coordinates.size).toBe(shareCount);
      expect(coordinates.has(0)).toBe(false);
    }));
  });

  it("one damaged byte in any share gives another secret", () => {
    fc.assert(fc.property(split, fc.nat(), ({ secret, threshold, shuffled }, seed) => {
      const taken = shuffled.slice(0, threshold).map((share) => share.slice());
      taken[seed % threshold]![seed % secret.length]! ^= 1 + seed % 255;
      expect(combineShares(taken)).not.toEqual(secret);
    }));
  });

  it("one share alone reveals nothing: each secret gives each y equally often", () => {
    for (const secret of [0, 1, 0x53, 255]) {
      const seen = new Set<number>();
      for (let coefficient = 0; coefficient < 256; coefficient++) {
        const draws = [Uint8Array.of(coefficient), Uint8Array.of(77, 3, 9)];
        const [share] = splitSecret(Uint8Array.of(secret), 2, 2, () => draws.shift()!);
        seen.add(share![0]!);
      }
      expect(seen.size).toBe(256);
    }
  });

  it("splitSecret() and combineShares() leave their inputs unchanged", () => {
    const secret = randomBytes(33);
    const before = secret.slice();
    const shares = splitSecret(secret, 3, 2, randomBytes);
    const sharesBefore = shares.map((share) => share.slice());
    combineShares(shares);
    expect(secret).toEqual(before);
    expect(shares).toEqual(sharesBefore);
  });
});

describe("bounds", () => {
  it.each([[2, 2], [255, 255], [255, 2]])(
    "a split into %i shares with threshold %i combines again",
    (shareCount, threshold) => {
      const secret = randomBytes(32);
      const shares = splitSecret(secret, shareCount, threshold, randomBytes);
      expect(new Set(shares.map((share) => share[32])).size).toBe(shareCount);
      expect(combineShares(shares.slice(shareCount - threshold))).toEqual(secret);
      expect(combineShares(shares)).toEqual(secret);
      if (threshold > 2) expect(combineShares(shares.slice(1))).not.toEqual(secret);
    },
  );

  it.each([[1, 1], [2, 1], [1, 2], [3, 4], [256, 2], [256, 256], [0, 0], [2.5, 2], [3, NaN]])(
    "splitSecret() refuses %d shares with threshold %d",
    (shareCount, threshold) => {
      const attempt = () => splitSecret(new Uint8Array(32), shareCount, threshold, randomBytes);
      expect(attempt).toThrow(RangeError);
    },
  );

  it("splitSecret() refuses an empty secret", () => {
    expect(() => splitSecret(new Uint8Array(), 2, 2, randomBytes)).toThrow(RangeError);
  });

  it("splitSecret() throws when the generator is stuck", () => {
    const stuck = (length: number) => new Uint8Array(length).fill(4);
    expect(() => splitSecret(new Uint8Array(8), 2, 2, stuck)).toThrow(/generator is stuck/);
  });

  it("splitSecret() refuses randomness of the wrong length", () => {
    expect(() => splitSecret(new Uint8Array(8), 2, 2, () => new Uint8Array(7))).toThrow(RangeError);
  });
});

describe("refusals in Vault's words", () => {
  const [a, b, c] = vectorShares as [Uint8Array, Uint8Array, Uint8Array];
  it.each([
    ["less than two parts cannot be used to reconstruct the secret", []],
    ["less than two parts cannot be used to reconstruct the secret", [a]],
    ["parts must be at least two bytes", [Uint8Array.of(1), Uint8Array.of(2)]],
    ["all parts must be the same length", [a, b.subarray(1)]],
    ["all parts must be the same length", [a, b, c.subarray(0, 32)]],
    ["duplicate part detected", [a, b, a]],
    ["duplicate part detected", [a, b.with(32, a[32]!)]],
  ])(`combineShares() refuses with "%s" (%#)`, (message, shares) => {
    const attempt = () => combineShares(shares);
    expect(attempt).toThrow(new VaultError("invalid_request", message));
    expect(attempt).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });
});

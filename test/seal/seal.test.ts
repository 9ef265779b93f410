import { createDecipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { unsealKey, wrappingKeyBytes } from "../../src/crypto/keys.ts";
import { Seal, type SealKey } from "../../src/seal/seal.ts";
import { createShamirSeal, shamirSealKey } from "../../src/seal/shamir_seal.ts";
import { createStaticSeal } from "../../src/seal/static_seal.ts";
import { parseWrappedValue, wrappedHeader } from "../../src/seal/wrapped_value.ts";
import { codeOf, flipBit, seededRandom } from "../barrier/doubles.ts";

const random = seededRandom("seal");
const value = encodeUtf8("what the seal wraps");

function sealKey(id: string): SealKey {
  return { id, bytes: wrappingKeyBytes(random(32)) };
}

function sealOf(current: SealKey, ...previous: SealKey[]): Seal {
  return new Seal("static", current, previous, random);
}

describe("seal", () => {
  const [k1, k2, k3] = [sealKey("k1"), sealKey("k2"), sealKey("k3")];

  it("a seal unwraps what it wrapped, for any path and value", async () => {
    const seal = sealOf(k1);
    const anyPath = fc.string({ unit: "grapheme", maxLength: 40 });
    await fc.assert(fc.asyncProperty(anyPath, fc.uint8Array(), async (path, bytes) => {
      expect(await seal.unwrap(path, await seal.wrap(path, bytes))).toEqual(Uint8Array.from(bytes));
    }));
  });

  it("a wrapped value shows the id of its key and nothing of the plaintext", async () => {
    const wrapped = await sealOf(k2, k1).wrap("p", value);
    expect(parseWrappedValue(wrapped).keyId).toBe("k2");
    expect(new TextDecoder().decode(wrapped)).not.toContain("what the seal wraps");
  });

  it("a seal uses a new nonce each time, even for the same value at the same path", async () => {
    const seal = sealOf(k1);
    const nonces = new Set<string>();
    for (let time = 1; time <= 50; time++) {
      nonces.add(encodeHex(parseWrappedValue(await seal.wrap("p", value)).nonce));
    }
    expect(nonces.size).toBe(50);
  });

  it("a seal uses AES-256-GCM with header and path as additional data", async () => {
    const wrapped = parseWrappedValue(await sealOf(k1).wrap("a/ü", value));
    const decipher = createDecipheriv("aes-256-gcm", k1.bytes, wrapped.nonce);
    decipher.setAAD(concatBytes(wrappedHeader("k1"), encodeUtf8("a/ü")));
    decipher.setAuthTag(wrapped.ciphertext.subarray(-16));
    const plain = concatBytes(decipher.update(wrapped.ciphertext.subarray(0, -16)));
    expect(concatBytes(plain, decipher.final())).toEqual(value);
  });

  it("a seal does not unwrap at another path or with another key of the same id", async () => {
    const wrapped = await sealOf(k1).wrap("a/b", value);
    for (const path of ["a/c", "", "a/b/"]) {
      expect(await codeOf(() => sealOf(k1).unwrap(path, wrapped))).toBe("ciphertext_rejected");
    }
    expect(await codeOf(() => sealOf(sealKey("k1")).unwrap("a/b", wrapped)))
      .toBe("ciphertext_rejected");
  });

  it("a seal does not unwrap with any bit flipped", async () => {
    const seal = sealOf(k1, k2);
    const wrapped = await seal.wrap("p", value);
    for (let index = 0; index < wrapped.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const code = await codeOf(() => seal.unwrap("p", flipBit(wrapped, index, bit)));
        if (index === 0) expect(code).toBe("record_malformed");
        else if (index < 4) {
          expect(code).toMatch(/^(record_malformed|unknown_key|ciphertext_rejected)$/);
        } else expect(code).toBe("ciphertext_rejected");
      }
    }
  });

  it("a wrapped value that names another key of the seal does not unwrap", async () => {
    const seal = sealOf(k1, k2);
    const wrapped = await seal.wrap("p", value);
    wrapped.set(wrappedHeader("k2"));
    expect(parseWrappedValue(wrapped).keyId).toBe("k2");
    expect(await codeOf(() => seal.unwrap("p", wrapped))).toBe("ciphertext_rejected");
  });

  it("a seal unwraps with its previous keys but wraps only with the current one", async () => {
    const [byOne, byTwo] = [await sealOf(k1).wrap("p", value), await sealOf(k2).wrap("p", value)];
    const seal = sealOf(k3, k2, k1);
    expect(await seal.unwrap("p", byOne)).toEqual(value);
    expect(await seal.unwrap("p", byTwo)).toEqual(value);
    expect(seal.keyId).toBe("k3");
    expect(parseWrappedValue(await seal.wrap("p", value)).keyId).toBe("k3");
  });

  it("withPrevious() forgets the previous keys it is not given", async () => {
    const wrapped = await sealOf(k1).wrap("p", value);
    const seal = sealOf(k3, k2, k1);
    const fewer = seal.withPrevious([k2]);
    expect([fewer.keyId, fewer.type, fewer.previous]).toEqual(["k3", "static", [k2]]);
    await expect(fewer.unwrap("p", wrapped)).rejects.toThrow("unknown key id for data: `k1`");
    expect(await codeOf(() => fewer.unwrap("p", wrapped))).toBe("unknown_key");
    expect(await seal.unwrap("p", wrapped)).toEqual(value);
  });

  it("a seal refuses bytes that are not a wrapped value", async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(100), value]) {
      expect(await codeOf(() => sealOf(k1).unwrap("p", bytes))).toBe("record_malformed");
    }
  });

  it("a seal key must have an id of at most 255 bytes", () => {
    expect(() => sealOf(sealKey(""))).toThrow(RangeError);
    expect(() => sealOf(sealKey("x".repeat(256)))).toThrow(RangeError);
  });
});

describe("Shamir seal", () => {
  const unseal = unsealKey(random(32));

  it("the key and id of a Shamir seal are derived from the unseal key", () => {
    const hkdf = (info: string, length: number) =>
      new Uint8Array(hkdfSync("sha256", unseal, new Uint8Array(0), info, length));
    const key = shamirSealKey(unseal);
    expect(key.bytes).toEqual(hkdf("sealwright shamir seal wrapping key", 32));
    expect(key.id).toBe(`shamir-${encodeHex(hkdf("sealwright shamir seal key id", 8))}`);
  });

  it("a Shamir seal neither uses nor shows the unseal key itself", async () => {
    const key = shamirSealKey(unseal);
    expect(key.bytes).not.toEqual(unseal);
    const hex = encodeHex(unseal);
    expect(key.id).toMatch(/^shamir-[0-9a-f]{16}$/);
    for (let at = 0; at < hex.length - 8; at++) expect(key.id).not.toContain(hex.slice(at, at + 8));
  });

  it("a Shamir seal opens again with the same unseal key and with no other", async () => {
    const seal = createShamirSeal(unseal, [], random);
    const wrapped = await seal.wrap("p", value);
    expect(seal.type).toBe("shamir");
    expect(
      await createShamirSeal(unsealKey(Uint8Array.from(unseal)), [], random)
        .unwrap("p", wrapped),
    ).toEqual(value);
    for (let byte = 0; byte < 32; byte++) {
      const other = createShamirSeal(unsealKey(flipBit(unseal, byte, byte % 8)), [], random);
      expect(await codeOf(() => other.unwrap("p", wrapped))).toBe("unknown_key");
    }
  });
});

describe("static seal", () => {
  const [material, other] = [random(32), random(32)];
  const current = { id: "k2", key: material };
  const only = createStaticSeal({ type: "static", current, previous: null }, random);

  it("a static seal has the operator's key id and a key derived from the operator's", () => {
    const bytes = hkdfSync(
      "sha256",
      material,
      new Uint8Array(0),
      "sealwright static seal wrapping key",
      32,
    );
    expect([only.type, only.keyId]).toEqual(["static", "k2"]);
    expect(only.current.bytes).toEqual(new Uint8Array(bytes));
    expect(only.previous).toEqual([]);
  });

  it("the previous static key opens old values and is not needed once they are rewrapped", async () => {
    const old = { id: "k1", key: other };
    const before = createStaticSeal({ type: "static", current: old, previous: null }, random);
    const both = createStaticSeal({ type: "static", current, previous: old }, random);
    const wrapped = await before.wrap("p", value);
    expect(await codeOf(() => only.unwrap("p", wrapped))).toBe("unknown_key");
    const upgraded = await both.wrap("p", await both.unwrap("p", wrapped));
    expect(await only.unwrap("p", upgraded)).toEqual(value);
    expect(await codeOf(() => before.unwrap("p", upgraded))).toBe("unknown_key");
  });

  it("a static seal rejects what another key of the same id wrapped", async () => {
    const impostor = { id: "k2", key: other };
    const seal = createStaticSeal({ type: "static", current: impostor, previous: null }, random);
    const wrapped = await only.wrap("p", value);
    expect(await codeOf(() => seal.unwrap("p", wrapped))).toBe("ciphertext_rejected");
  });
});

import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decryptEnvelope, encryptEnvelope, envelopeTerm } from "../../src/barrier/envelope.ts";
import { AeadKey } from "../../src/crypto/aead.ts";
import { concatBytes, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { codeOf, flipBit, seededRandom } from "./doubles.ts";

const random = seededRandom("envelope");
const keyBytes = random(32);
const key = await AeadKey.import(keyBytes);
const plaintext = encodeUtf8("some value");

/** Reads a record as the barrier does: the term first, then the rest. */
async function open(path: string, bytes: Uint8Array, opening = key): Promise<Uint8Array> {
  envelopeTerm(bytes);
  return await decryptEnvelope(opening, path, bytes);
}

const anyTerm = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyPath = fc.string({ unit: "grapheme", maxLength: 40 });
const anyValue = fc.uint8Array({ maxLength: 300 });

describe("envelopes", () => {
  it("an envelope decrypts to what was encrypted, for any term, path and value", async () => {
    await fc.assert(fc.asyncProperty(anyTerm, anyPath, anyValue, async (term, path, value) => {
      const bytes = await encryptEnvelope(key, term, path, value, random);
      expect(envelopeTerm(bytes)).toBe(term);
      expect(await open(path, bytes)).toEqual(Uint8Array.from(value));
    }));
  });

  it("an envelope is version, term, nonce, ciphertext and tag, bound to its path", async () => {
    const bytes = await encryptEnvelope(
      key,
      0x01020304,
      "a/ü",
      plaintext,
      () => new Uint8Array(12).fill(7),
    );
    expect(bytes.subarray(0, 17)).toEqual(
      Uint8Array.of(1, 1, 2, 3, 4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7),
    );
    expect(bytes.length).toBe(5 + 12 + plaintext.length + 16);
    const decipher = createDecipheriv("aes-256-gcm", keyBytes, bytes.subarray(5, 17));
    decipher.setAAD(concatBytes(Uint8Array.of(1, 1, 2, 3, 4), encodeUtf8("a/ü")));
    decipher.setAuthTag(bytes.subarray(-16));
    const opened = concatBytes(decipher.update(bytes.subarray(17, -16)), decipher.final());
    expect(opened).toEqual(plaintext);
  });

  it("decryptEnvelope() reads a view into a larger buffer", async () => {
    const bytes = await encryptEnvelope(key, 9, "p", plaintext, random);
    const view = concatBytes(new Uint8Array(3), bytes).subarray(3);
    expect(envelopeTerm(view)).toBe(9);
    expect(await open("p", view)).toEqual(plaintext);
  });

  it("two envelopes of the same value differ", async () => {
    const first = await encryptEnvelope(key, 1, "p", plaintext, random);
    expect(await encryptEnvelope(key, 1, "p", plaintext, random)).not.toEqual(first);
  });

  it("an envelope does not open at another path or with another key", async () => {
    const bytes = await encryptEnvelope(key, 1, "a/b", plaintext, random);
    const other = await AeadKey.import(random(32));
    for (const path of ["a/c", "a/", "a/b/", "", "A/b"]) {
      expect(await codeOf(() => open(path, bytes))).toBe("ciphertext_rejected");
    }
    expect(await codeOf(() => open("a/b", bytes, other))).toBe("ciphertext_rejected");
    expect(await open("a/b", bytes)).toEqual(plaintext);
  });

  it("an envelope does not open under another term number, even with the same key", async () => {
    const bytes = await encryptEnvelope(key, 1, "p", plaintext, random);
    const moved = Uint8Array.from(bytes);
    new DataView(moved.buffer).setUint32(1, 2);
    expect(envelopeTerm(moved)).toBe(2);
    expect(await codeOf(() => open("p", moved))).toBe("ciphertext_rejected");
  });

  it("an envelope does not open with any bit flipped", async () => {
    const bytes = await encryptEnvelope(key, 1, "p", plaintext, random);
    for (let index = 0; index < bytes.length; index++) {
      for (let bit = 0; bit < 8; bit++) {
        const code = await codeOf(() => open("p", flipBit(bytes, index, bit)));
        expect(code).toBe(index === 0 ? "record_malformed" : "ciphertext_rejected");
      }
    }
  });

  it("an envelope does not open when shortened or extended", async () => {
    const bytes = await encryptEnvelope(key, 1, "p", plaintext, random);
    for (let length = 0; length < bytes.length; length++) {
      const code = await codeOf(() => open("p", bytes.subarray(0, length)));
      expect(code).toBe(length < 33 ? "record_malformed" : "ciphertext_rejected");
    }
    expect(await codeOf(() => open("p", concatBytes(bytes, Uint8Array.of(0)))))
      .toBe("ciphertext_rejected");
  });

  it("random bytes never open as an envelope", async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
      expect(await codeOf(() => open("p", bytes))).toMatch(
        /^(record_malformed|ciphertext_rejected)$/,
      );
    }));
  });
});

import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  decodeHex,
  encodeHex,
  encodeUtf8,
  equalBytes,
} from "../../src/crypto/bytes.ts";
import { ChaChaKey } from "../../src/crypto/chacha.ts";
import { VaultError } from "../../src/errors.ts";
import { CHACHA_SLICE_BYTES } from "../../src/limits.ts";

const hex = (text: string) => decodeHex(text)!;

/** RFC 8439, section 2.8.2. */
const RFC = {
  key: hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
  nonce: hex("070000004041424344454647"),
  aad: hex("50515253c0c1c2c3c4c5c6c7"),
  plaintext: encodeUtf8(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      "sunscreen would be it.",
  ),
  ciphertext: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
    "3ff4def08e4b7a9de576d26586cec64b6116",
  tag: "1ae10b594f09e26a7e902ecbd0600691",
};

async function code(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    return error instanceof VaultError ? error.code : (error as Error).name;
  }
  return "accepted";
}

describe("ChaChaKey", () => {
  const key = new ChaChaKey(RFC.key);

  it("ChaChaKey encrypts and decrypts the example of RFC 8439", async () => {
    const sealed = await key.encrypt(RFC.nonce, RFC.plaintext, RFC.aad);
    expect(encodeHex(sealed)).toBe(RFC.ciphertext + RFC.tag);
    expect(await key.decrypt(RFC.nonce, sealed, RFC.aad)).toEqual(RFC.plaintext);
  });

  it("ChaChaKey agrees with node:crypto on any text at any buffer offset", async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(fc.asyncProperty(bytes, bytes, fc.nat(7), async (plaintext, aad, offset) => {
      const cipher = createCipheriv("chacha20-poly1305", RFC.key, RFC.nonce, { authTagLength: 16 });
      cipher.setAAD(aad, { plaintextLength: plaintext.length });
      const other = concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
      const shifted = concatBytes(new Uint8Array(offset), plaintext).subarray(offset);
      expect(await key.encrypt(RFC.nonce, shifted, aad)).toEqual(other);
      const sealed = concatBytes(new Uint8Array(offset), other).subarray(offset);
      expect(await key.decrypt(RFC.nonce, sealed, aad)).toEqual(plaintext);
    }));
  });

  it("ChaChaKey agrees with node:crypto on large data, which it processes in slices", async () => {
    for (
      const [length, aadLength] of [[3 * CHACHA_SLICE_BYTES + 5, 3], [CHACHA_SLICE_BYTES, 1], [
        7,
        2 * CHACHA_SLICE_BYTES + 1,
      ]]
    ) {
      const plaintext = Uint8Array.from({ length: length! }, (_, index) => index * 7);
      const aad = new Uint8Array(aadLength!).fill(9);
      const cipher = createCipheriv("chacha20-poly1305", RFC.key, RFC.nonce, { authTagLength: 16 });
      cipher.setAAD(aad, { plaintextLength: plaintext.length });
      const other = concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
      const sealed = await key.encrypt(RFC.nonce, plaintext, aad);
      expect(equalBytes(sealed, other)).toBe(true);
      expect(equalBytes(await key.decrypt(RFC.nonce, sealed, aad), plaintext)).toBe(true);
      for (const index of [0, sealed.length - 17, sealed.length - 1]) {
        const damaged = sealed.slice();
        damaged[index]! ^= 1;
        expect(await code(key.decrypt(RFC.nonce, damaged, aad))).toBe("ciphertext_rejected");
      }
    }
  });

  it("ChaChaKey yields to other work while it processes large data", async () => {
    let turns = 0;
    const timer = setInterval(() => turns += 1, 0);
    await key.encrypt(RFC.nonce, new Uint8Array(8 * CHACHA_SLICE_BYTES), RFC.aad);
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it("ChaChaKey rejects any change or truncation with one code", async () => {
    const sealed = await key.encrypt(RFC.nonce, RFC.plaintext, RFC.aad);
    for (let index = 0; index < sealed.length; index += 13) {
      const damaged = sealed.slice();
      damaged[index]! ^= 1;
      expect(await code(key.decrypt(RFC.nonce, damaged, RFC.aad))).toBe("ciphertext_rejected");
    }
    for (const length of [0, 15, 16, sealed.length - 1]) {
      const cut = sealed.subarray(0, length);
      expect(await code(key.decrypt(RFC.nonce, cut, RFC.aad))).toBe("ciphertext_rejected");
    }
    expect(await code(key.decrypt(RFC.nonce, sealed, new Uint8Array()))).toBe(
      "ciphertext_rejected",
    );
  });

  it("ChaChaKey refuses keys and nonces of other lengths", async () => {
    expect(() => new ChaChaKey(new Uint8Array(31))).toThrow(RangeError);
    const none = new Uint8Array();
    expect(await code(key.encrypt(new Uint8Array(24), none, none))).toBe("RangeError");
    expect(await code(key.decrypt(new Uint8Array(8), none, none))).toBe("RangeError");
  });

  it("ChaChaKey keeps its own copy of the key", async () => {
    const bytes = RFC.key.slice();
    const copied = new ChaChaKey(bytes);
    bytes.fill(0);
    const sealed = await copied.encrypt(RFC.nonce, RFC.plaintext, RFC.aad);
    expect(encodeHex(sealed)).toBe(RFC.ciphertext + RFC.tag);
  });
});

import { describe, expect, it } from "vitest";
import { encodeHex, encodeUtf8 } from "../../src/crypto/bytes.ts";
import { deriveScrypt } from "../../src/crypto/password_kdf.ts";

const SALT = new Uint8Array(16);

describe("deriveScrypt()", () => {
  it("deriveScrypt() gives the third vector of RFC 7914 section 12", async () => {
    const password = encodeUtf8("pleaseletmein");
    const salt = encodeUtf8("SodiumChloride");
    const hash = await deriveScrypt(password, salt, { logN: 14, r: 8, p: 1 }, 64);
    expect(encodeHex(hash)).toBe(
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    );
  });

  it("deriveScrypt() yields to other work", async () => {
    let turns = 0;
    const timer = setInterval(() => turns += 1, 1);
    await deriveScrypt(SALT, SALT, { logN: 14, r: 8, p: 1 }, 32);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });

  it("deriveScrypt() refuses costs and lengths that no valid record has", async () => {
    const cost = { logN: 4, r: 1, p: 1 };
    const refused = [
      deriveScrypt(SALT, SALT, { ...cost, logN: 30 }, 32),
      deriveScrypt(SALT, SALT, { ...cost, logN: 0 }, 32),
      deriveScrypt(SALT, SALT, { ...cost, r: 33 }, 32),
      deriveScrypt(SALT, SALT, { ...cost, p: 0.5 }, 32),
      deriveScrypt(SALT, SALT, cost, 8),
      deriveScrypt(SALT, new Uint8Array(0), cost, 32),
    ];
    for (const promise of refused) await expect(promise).rejects.toThrow(RangeError);
  });
});

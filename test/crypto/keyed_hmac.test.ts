import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hmacSha256 } from "../../src/crypto/digest.ts";
import { createKeyedHmac } from "../../src/crypto/keyed_hmac.ts";

describe("createKeyedHmac()", () => {
  it("createKeyedHmac() gives what hmacSha256() gives, call after call", () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(fc.property(bytes, fc.array(bytes, { maxLength: 5 }), (key, texts) => {
      const hmac = createKeyedHmac(key);
      const wanted = texts.map((text) => hmacSha256(key, text));
      expect(texts.map((text) => hmac(text))).toEqual(wanted);
    }));
  });
});

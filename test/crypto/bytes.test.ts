import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  concatBytes,
  decodeBase64,
  decodeHex,
  decodeUtf8,
  encodeBase64,
  encodeBase64Unpadded,
  encodeHex,
  encodeUtf8,
  equalBytes,
  portableCodec,
  wipe,
} from "../../src/crypto/bytes.ts";

const anyBytes = fc.uint8Array({ maxLength: 80 });
const allBytes = Uint8Array.from({ length: 256 }, (_, i) => i);

describe("joining, comparing, wiping", () => {
  it("concatBytes() joins views into a buffer of its own", () => {
    const source = Uint8Array.of(9, 1, 2, 9);
    const joined = concatBytes(source.subarray(1, 3), new Uint8Array(), Uint8Array.of(3));
    source.fill(0);
    expect([...joined]).toEqual([1, 2, 3]);
    expect(joined.buffer.byteLength).toBe(3);
    expect(concatBytes()).toHaveLength(0);
  });

  it("equalBytes() notices any single bit and any difference in length", () => {
    for (let position = 0; position < 33; position++) {
      for (let bit = 0; bit < 8; bit++) {
        const other = new Uint8Array(33);
        other[position] = 1 << bit;
        expect(equalBytes(new Uint8Array(33), other)).toBe(false);
      }
    }
    expect(equalBytes(allBytes, allBytes.slice())).toBe(true);
    expect(equalBytes(new Uint8Array(2), new Uint8Array(3))).toBe(false);
    expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  it("wipe() zeroes only the view it is given", () => {
    const bytes = Uint8Array.of(1, 2, 3, 4);
    wipe(bytes.subarray(1, 3));
    expect([...bytes]).toEqual([1, 0, 0, 4]);
  });
});

describe("UTF-8", () => {
  it("UTF-8 round trips, including a byte order mark", () => {
    for (const text of ["", "\uFEFFx", "Schlüssel 🔑"]) {
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
    }
  });

  it("decodeUtf8() throws on bytes that are not UTF-8", () => {
    expect(() => decodeUtf8(Uint8Array.of(0xc3, 0x28))).toThrow(TypeError);
  });
});

const codecs = [
  { name: "chosen", encodeHex, decodeHex, encodeBase64, decodeBase64 },
  { name: "portable", ...portableCodec },
];

describe.each(codecs)("$name codec", (codec) => {
  it(`the ${codec.name} codec agrees with Node's Buffer on every byte and length`, () => {
    fc.assert(fc.property(anyBytes, (bytes) => {
      const reference = Buffer.from(bytes);
      expect(codec.encodeHex(bytes)).toBe(reference.toString("hex"));
      expect(codec.encodeBase64(bytes)).toBe(reference.toString("base64"));
      expect(codec.decodeHex(reference.toString("hex"))).toEqual(bytes);
      expect(codec.decodeBase64(reference.toString("base64"))).toEqual(bytes);
    }));
    expect(codec.encodeBase64(allBytes)).toBe(Buffer.from(allBytes).toString("base64"));
    expect(codec.decodeHex(Buffer.from(allBytes).toString("hex").toUpperCase())).toEqual(allBytes);
  });

  it(`the ${codec.name} codec accepts exactly the hex digits and the base64 alphabet`, () => {
    let hexDigits = "";
    let base64Digits = "";
    for (let code = 0; code < 65_536; code++) {
      const character = String.fromCharCode(code);
      if (codec.decodeHex(`0${character}`) !== null) hexDigits += character;
      // decodeBase64() treats whitespace separately, see below; "=" is not a digit here.
      if (/[ \t\n\f\r]/.test(character)) continue;
      if (codec.decodeBase64(`A${character}AA`) !== null) base64Digits += character;
    }
    expect(hexDigits).toBe("0123456789ABCDEFabcdef");
    expect(base64Digits).toBe(
      "+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    );
  });

  it.each(["====", "A===", "=AAA", "AA=A", "AAA=AAAA", "AA==AAAA", "AAAA===="])(
    `the ${codec.name} codec refuses the misplaced padding of %s`,
    (text) => {
      expect(codec.decodeBase64(text)).toBeNull();
    },
  );

  it(`the ${codec.name} codec accepts unused bits in the last base64 digit, as Go does`, () => {
    expect(codec.decodeBase64("YR==")).toEqual(encodeUtf8("a"));
    expect(codec.decodeBase64("YWJ=")).toEqual(encodeUtf8("ab"));
  });
});

describe("decodeHex() and decodeBase64()", () => {
  it("decodeHex() refuses an odd number of hex digits", () => {
    expect(decodeHex("abc")).toBeNull();
    expect(decodeHex("")).toHaveLength(0);
  });

  it("decodeBase64() ignores CR and LF anywhere, and no other whitespace", () => {
    const wanted = encodeUtf8("abcd");
    for (const text of ["YWJj\nZA==", "\r\nYWJjZA==\r\n", "Y\nW\nJ\nj\nZ\nA\n=\n=\n"]) {
      expect(decodeBase64(text)).toEqual(wanted);
    }
    for (const blank of [" ", "\t", "\f", "\v", "\u00a0", "\u2028"]) {
      expect(decodeBase64(`YWJj${blank}ZA==`)).toBeNull();
      expect(decodeBase64(`${blank.repeat(4)}YWJjZA==`)).toBeNull();
    }
  });

  it("decodeBase64() refuses missing padding and the URL alphabet", () => {
    for (const text of ["YQ", "YQ=", "YWI", "A", "-_-_"]) expect(decodeBase64(text)).toBeNull();
    expect(decodeBase64("")).toHaveLength(0);
  });

  it("encodeBase64Unpadded() leaves out only the padding", () => {
    fc.assert(fc.property(anyBytes, (bytes) => {
      expect(encodeBase64Unpadded(bytes)).toBe(encodeBase64(bytes).replace(/=+$/, ""));
    }));
  });

  it("hex and base64 codecs convert 2 MB, even from a view", () => {
    const bytes = new Uint8Array(2_000_001).map((_, i) => i * 7).subarray(1);
    for (const codec of [portableCodec, { encodeHex, decodeHex, encodeBase64, decodeBase64 }]) {
      expect(equalBytes(codec.decodeHex(codec.encodeHex(bytes))!, bytes)).toBe(true);
      expect(equalBytes(codec.decodeBase64(codec.encodeBase64(bytes))!, bytes)).toBe(true);
    }
  });
});

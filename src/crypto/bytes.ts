/**
 * Bytes to text and back, joining, comparing, wiping. Pure and synchronous. Decoders return null
 * for malformed text and never echo it. The codecs in this file use arithmetic only: no secret
 * indexes a table or decides a branch. If the runtime has its own codec (TC39 arraybuffer-base64),
 * that one is used for speed, and its timing is the runtime's business.
 */

const textEncoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const PAD = 0x3d;

/** The parts one after another, in a new buffer. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let position = 0;
  for (const part of parts) {
    joined.set(part, position);
    position += part.length;
  }
  return joined;
}

/** Whether both have the same length and bytes. The time depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** UTF-8 of `text`. A lone surrogate becomes U+FFFD, as in the Encoding standard. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return textEncoder.encode(text);
}

/** Inverse of `encodeUtf8`; keeps a byte order mark. Throws TypeError if `bytes` are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/** Two lower-case hex digits per byte. */
export function encodeHex(bytes: Uint8Array): string {
  return codec.encodeHex(bytes);
}

/** Hex of either case. Null for an odd length or a character that is not a hex digit. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> | null {
  return text.length % 2 === 0 ? codec.decodeHex(text) : null;
}

/** Standard alphabet, padded (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  return codec.encodeBase64(bytes);
}

/** Standard alphabet, no padding. */
export function encodeBase64Unpadded(bytes: Uint8Array): string {
  const padded = codec.encodeBase64(bytes);
  return padded.slice(0, Math.ceil(bytes.length * 4 / 3));
}

/**
 * Standard alphabet with padding; null for anything else. As in Go's `base64.StdEncoding`, CR and
 * LF are ignored everywhere, and unused bits of the last digit may be set.
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const digits = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, "") : text;
  // The runtime's decoder skips blanks and accepts missing padding; Go does neither.
  if (digits.length % 4 !== 0 || /[ \t\f]/.test(digits)) return null;
  return codec.decodeBase64(digits);
}

/**
 * Overwrites the buffers with zeros. This shortens a secret's life in memory and promises no more:
 * the engine, Web Crypto or the garbage collector may hold copies out of reach, and strings made
 * from the bytes stay.
 */
export function wipe(...buffers: Uint8Array[]): void {
  for (const buffer of buffers) buffer.fill(0);
}

/** The four conversions. Decoders get an even length (hex) or a multiple of four (base64). */
interface Codec {
  encodeHex(bytes: Uint8Array): string;
  decodeHex(text: string): Uint8Array<ArrayBuffer> | null;
  encodeBase64(bytes: Uint8Array): string;
  decodeBase64(text: string): Uint8Array<ArrayBuffer> | null;
}

/** ECMAScript methods newer than the `lib` this project compiles against. */
interface NativeBytes {
  toHex(): string;
  toBase64(): string;
}
interface NativeBytesConstructor {
  fromHex(text: string): Uint8Array<ArrayBuffer>;
  fromBase64(text: string, options: { lastChunkHandling: "loose" }): Uint8Array<ArrayBuffer>;
}

const nativeCodec: Codec = {
  encodeHex: (bytes) => (bytes as unknown as NativeBytes).toHex(),
  decodeHex: (text) => nullWhenMalformed(() => nativeConstructor().fromHex(text)),
  encodeBase64: (bytes) => (bytes as unknown as NativeBytes).toBase64(),
  decodeBase64: (text) =>
    nullWhenMalformed(() => nativeConstructor().fromBase64(text, { lastChunkHandling: "loose" })),
};

/** Exported for the tests, which compare it with the runtime's codec. */
export const portableCodec: Codec = {
  encodeHex: portableEncodeHex,
  decodeHex: portableDecodeHex,
  encodeBase64: portableEncodeBase64,
  decodeBase64: portableDecodeBase64,
};

const codec: Codec = hasNativeCodec() ? nativeCodec : portableCodec;

function nativeConstructor(): NativeBytesConstructor {
  return Uint8Array as unknown as NativeBytesConstructor;
}

function hasNativeCodec(): boolean {
  const onInstance = ["toHex", "toBase64"].every((name) => name in Uint8Array.prototype);
  return onInstance && ["fromHex", "fromBase64"].every((name) => name in Uint8Array);
}

function nullWhenMalformed(
  decode: () => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> | null {
  try {
    return decode();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** One allocation instead of a string grown character by character. */
function asciiText(codes: Uint8Array): string {
  return utf8Decoder.decode(codes);
}

function portableEncodeHex(bytes: Uint8Array): string {
  const codes = new Uint8Array(bytes.length * 2);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    codes[2 * i] = hexCode(byte >>> 4);
    codes[2 * i + 1] = hexCode(byte & 15);
  }
  return asciiText(codes);
}

function portableDecodeHex(text: string): Uint8Array<ArrayBuffer> | null {
  // A character beyond ASCII becomes bytes of 128 and above, none of which is a digit.
  const codes = textEncoder.encode(text);
  const bytes = new Uint8Array(codes.length >>> 1);
  let invalid = codes.length & 1;
  for (let i = 0; i < bytes.length; i++) {
    const high = hexValue(codes[2 * i]!);
    const low = hexValue(codes[2 * i + 1]!);
    invalid |= (high | low) >>> 31;
    bytes[i] = (high << 4) | low;
  }
  return invalid === 0 ? bytes : null;
}

function portableEncodeBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let position = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    codes[position++] = base64Code(group >>> 18);
    codes[position++] = base64Code((group >>> 12) & 63);
    codes[position++] = base64Code((group >>> 6) & 63);
    codes[position++] = base64Code(group & 63);
  }
  const missing = (3 - bytes.length % 3) % 3;
  codes.fill(PAD, codes.length - missing);
  return asciiText(codes);
}

function portableDecodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  const codes = textEncoder.encode(text);
  if (codes.length !== text.length) return null;
  const missing = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const padded = codes.length / 4 * 3;
  const groups = new Uint8Array(padded);
  // "A" is the digit of zero bits; with it the last group is like the others.
  codes.fill(0x41, codes.length - missing);
  let invalid = 0;
  for (let i = 0, position = 0; i < codes.length; i += 4) {
    const a = base64Value(codes[i]!);
    const b = base64Value(codes[i + 1]!);
    const c = base64Value(codes[i + 2]!);
    const d = base64Value(codes[i + 3]!);
    invalid |= (a | b | c | d) >>> 31;
    groups[position++] = (a << 2) | (b >>> 4);
    groups[position++] = (b << 4) | (c >>> 2);
    groups[position++] = (c << 6) | d;
  }
  if (invalid !== 0) return null;
  return missing === 0 ? groups : groups.slice(0, padded - missing);
}

/** Like the functions below: a small difference shifted right by 8 is -1 if negative, else 0. */
function hexCode(nibble: number): number {
  return nibble + 48 + (((9 - nibble) >> 8) & 39);
}

/** The digit's value, or -1. */
function hexValue(code: number): number {
  const lower = code | 32;
  let value = -1;
  value += (((47 - code) & (code - 58)) >> 8) & (code - 47);
  value += (((96 - lower) & (lower - 103)) >> 8) & (lower - 86);
  return value;
}

function base64Code(sextet: number): number {
  let code = sextet + 65;
  code += ((25 - sextet) >> 8) & 6;
  code -= ((51 - sextet) >> 8) & 75;
  code -= ((61 - sextet) >> 8) & 15;
  code += ((62 - sextet) >> 8) & 3;
  return code;
}

/** The digit's value, or -1. */
function base64Value(code: number): number {
  let value = -1;
  value += (((64 - code) & (code - 91)) >> 8) & (code - 64);
  value += (((96 - code) & (code - 123)) >> 8) & (code - 70);
  value += (((47 - code) & (code - 58)) >> 8) & (code + 5);
  value += (((42 - code) & (code - 44)) >> 8) & 63;
  value += (((46 - code) & (code - 48)) >> 8) & 64;
  return value;
}

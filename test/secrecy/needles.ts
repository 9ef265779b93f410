/**
 * Searches for many texts at once, as substrings, in time that hardly depends on their number: a
 * rolling hash of the last bytes is looked up at every place (Rabin and Karp), in a bitmap first.
 *
 * Works on strings of one character per byte ("latin1"), which UTF-8 becomes by `toBytes`.
 */

import { Buffer } from "node:buffer";
import { SECRET_MIN_CHARS } from "./exchange.ts";

/** A place in a text where a needle begins. */
export interface Hit {
  readonly at: number;
  readonly length: number;
  /** The id that the needle was added with. */
  readonly id: number;
}

const WINDOW = SECRET_MIN_CHARS;
const BASE = 0x01000193;
const BITMAP_BITS = 24;
const BITMAP_SHIFT = 32 - BITMAP_BITS;

interface Needle {
  readonly text: string;
  readonly id: number;
}

export function toBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export class Needles {
  /** Whether there may be needles with this hash of their first bytes. */
  readonly #bitmap = new Uint8Array(2 ** BITMAP_BITS / 8);
  readonly #byHash = new Map<number, Needle[]>();
  readonly #drop: number;
  readonly #texts = new Set<string>();

  constructor() {
    let drop = 1;
    for (let n = 1; n < WINDOW; n++) drop = Math.imul(drop, BASE);
    this.#drop = drop;
  }

  /** Adds a text of at least `SECRET_MIN_CHARS` bytes; a shorter one is left out. */
  add(text: string, id: number): void {
    if (text.length < WINDOW || this.#texts.has(text)) return;
    this.#texts.add(text);
    let hash = 0;
    for (let at = 0; at < WINDOW; at++) hash = (Math.imul(hash, BASE) + text.charCodeAt(at)) | 0;
    const same = this.#byHash.get(hash) ?? [];
    same.push({ text, id });
    this.#byHash.set(hash, same);
    const bit = spread(hash);
    this.#bitmap[bit >>> 3]! |= 1 << (bit & 7);
  }

  get size(): number {
    return this.#texts.size;
  }

  *find(text: string): Generator<Hit> {
    const bitmap = this.#bitmap;
    const drop = this.#drop;
    let hash = 0;
    for (let end = 0; end < text.length; end++) {
      if (end >= WINDOW) hash = (hash - Math.imul(text.charCodeAt(end - WINDOW), drop)) | 0;
      hash = (Math.imul(hash, BASE) + text.charCodeAt(end)) | 0;
      if (end < WINDOW - 1) continue;
      const bit = spread(hash);
      if ((bitmap[bit >>> 3]! & (1 << (bit & 7))) === 0) continue;
      const at = end - WINDOW + 1;
      for (const needle of this.#byHash.get(hash) ?? []) {
        if (text.startsWith(needle.text, at)) {
          yield { at, length: needle.text.length, id: needle.id };
        }
      }
    }
  }
}

/** The low bits of the hash alone depend on few bytes. */
function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> BITMAP_SHIFT;
}

/**
 * The forms in which a text may be in a line: unchanged, in JSON, in a URL, in base64 of both alphabets
 * and in hexadecimal of both cases. A text that is base64 or hexadecimal itself has the other encoding
 * too, and the text of its bytes. Base64 is without padding, so that it is found with and without.
 */
export function formsOf(text: string): ReadonlySet<string> {
  const bytes = Buffer.from(text, "utf8");
  const forms = new Set([
    toBytes(text),
    toBytes(JSON.stringify(text).slice(1, -1)),
    percentEncoded(text),
    ...spellings(bytes),
  ]);
  for (const decoded of decodings(text)) {
    for (const spelling of spellings(decoded)) forms.add(spelling);
    if (isText(decoded)) forms.add(decoded.toString("latin1"));
  }
  return forms;
}

function spellings(bytes: Buffer): readonly string[] {
  const hex = bytes.toString("hex");
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  return [hex, hex.toUpperCase(), base64, bytes.toString("base64url")];
}

function decodings(text: string): readonly Buffer[] {
  const decoded: Buffer[] = [];
  if (/^(?:[0-9A-Fa-f]{2})+$/.test(text)) decoded.push(Buffer.from(text, "hex"));
  const isBase64 = /^[0-9A-Za-z+/]+={0,2}$/.test(text) || /^[0-9A-Za-z_-]+={0,2}$/.test(text);
  if (isBase64) decoded.push(Buffer.from(text, "base64"));
  return decoded;
}

/** Whether bytes are printable text. Other bytes are found by their hexadecimal. */
function isText(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

/** A text with a lone surrogate cannot be percent-encoded. */
function percentEncoded(text: string): string {
  return text.isWellFormed() ? encodeURIComponent(text) : toBytes(text);
}

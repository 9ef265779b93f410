/**
 * Request bodies as Vault reads them: the first JSON value counts, a second one after it is ignored,
 * other text is refused. Numbers that a JavaScript number would change are kept as they were sent.
 * No message quotes the body.
 */

import { invalidRequest, VaultError } from "../errors.ts";
import {
  JSON_DEPTH_MAX,
  JSON_MEMORY_MAX_BYTES,
  JSON_TEXTS_MAX,
  REQUEST_BODY_MAX_BYTES,
} from "../limits.ts";

const BYTE_ORDER_MARK = 0xfeff;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A body that is larger than the product takes; `http/errors.ts` answers 413. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/**
 * The whole body as text. Throws `BodyTooLarge`, and then has read no more than the limit, or
 * `invalid_request` when the body did not come to its end.
 */
export async function readBodyText(request: Request): Promise<string> {
  try {
    return await readText(request);
  } catch (error) {
    if (error instanceof BodyTooLarge) throw error;
    throw invalidRequest("the request body did not arrive whole");
  }
}

async function readText(request: Request): Promise<string> {
  const declared = request.headers.get("content-length");
  if (Number(declared) > REQUEST_BODY_MAX_BYTES) throw bodyTooLarge();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  // Every server ends a body at its Content-Length, unless it goes by chunks. Read as a whole, which
  // is several times faster than as a stream.
  if (declared !== null && !request.headers.has("transfer-encoding")) {
    return decoder.decode(await request.arrayBuffer());
  }
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > REQUEST_BODY_MAX_BYTES) throw bodyTooLarge();
    chunks.push(chunk);
  }
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
}

function bodyTooLarge(): BodyTooLarge {
  return new BodyTooLarge("http: request body too large");
}

/** A JSON object from a body; null for an empty body or `null`. Throws `invalid_request`. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | null {
  const start = text.search(/[^ \t\r\n]/);
  if (start === -1) return null;
  if (text.charCodeAt(start) === BYTE_ORDER_MARK) {
    throw undecodable("invalid character at the start");
  }
  const end = endOfValue(text, start);
  const first = parseExactly(end === text.length ? text : text.slice(0, end));
  const rest = text.slice(end).trim();
  if (rest !== "") parseExactly(rest);
  if (first === null) return null;
  if (typeof first !== "object" || Array.isArray(first)) {
    throw undecodable(`cannot use ${Array.isArray(first) ? "array" : typeof first} as an object`);
  }
  return first as Readonly<Record<string, unknown>>;
}

function undecodable(reason: string): VaultError {
  return invalidRequest(`failed to decode JSON input: ${reason}`);
}

/** Go's sizes of what a parsed token costs, by which the reference bounds the work on a body. */
const TOKEN_BYTES = 16;
const OBJECT_BYTES = 72;
const LIST_BYTES = 24;
const SCALAR_BYTES = 8;

/**
 * Index behind the first value; also bounds its depth, its texts and the memory it would take, before
 * anything is built from it (Vault's CVE-2025-6203 class of attack).
 */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let texts = 0;
  let bytes = 0;
  let isInScalar = false;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfText(text, index);
      texts += 1;
      bytes += 2 * TOKEN_BYTES + (end - index);
      index = end;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
      bytes += TOKEN_BYTES + (code === OPEN_BRACE ? OBJECT_BYTES : LIST_BYTES);
      isInScalar = false;
      if (depth > JSON_DEPTH_MAX) throw undecodable("nested too deeply");
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth -= 1;
      if (depth <= 0) return index + 1;
      isInScalar = false;
    } else if (code === COMMA || code === COLON || code <= SPACE) {
      isInScalar = false;
    } else if (!isInScalar) {
      isInScalar = true;
      bytes += TOKEN_BYTES + SCALAR_BYTES;
    }
    if (texts > JSON_TEXTS_MAX) throw tooComplex("exceeded maximum number of strings");
    if (bytes > JSON_MEMORY_MAX_BYTES) throw tooComplex("exceeded maximum estimated memory limits");
  }
  return text.length;
}

/** Index of the closing quote, or of the last character. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return text.length - 1;
}

function tooComplex(reason: string): VaultError {
  return invalidRequest(`refused JSON input due to high complexity: ${reason}`);
}

/** Digits enough to lose some, a fraction, or an exponent: only then is each number looked at. */
const UNUSUAL_NUMBER = /\d{16}|[\d][.eE]/;

interface RawJson {
  rawJSON?: (text: string) => unknown;
}

type SourceReviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

function parseExactly(text: string): unknown {
  try {
    return UNUSUAL_NUMBER.test(text)
      ? JSON.parse(text, keepNumber as SourceReviver)
      : JSON.parse(text);
  } catch {
    throw undecodable("invalid character or unexpected end");
  }
}

/** A number that would be written differently than it came is kept as its source text. */
const keepNumber: SourceReviver = (_key, value, context) => {
  if (typeof value !== "number" || context?.source === undefined) return value;
  if (String(value) === context.source) return value;
  return (JSON as RawJson).rawJSON?.(context.source) ?? value;
};

/** Form fields as Vault reads them: text, with commas where a name repeats. */
export function parseForm(text: string): Readonly<Record<string, unknown>> {
  if (/%(?![0-9a-fA-F]{2})|;/.test(text)) throw invalidRequest("error parsing form data");
  return Object.fromEntries(
    Object.entries(parameters(new URLSearchParams(text))).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(",") : value,
    ]),
  );
}

/** Without those that are called as in `left`. */
export function parameters(
  search: URLSearchParams,
  left: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  const names = new Set(search.keys());
  return Object.fromEntries(
    [...names].filter((name) => !left.includes(name)).map((name) => {
      const values = search.getAll(name);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}

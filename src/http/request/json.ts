/**
 * Reads request bodies as Vault does: the first JSON value counts, a second one is ignored, other
 * trailing text is refused. Numbers that JavaScript would change are kept as sent. No message
 * quotes the body.
 */

import { pause } from "../../crypto/pause.ts";
import { parseExactly } from "../../wire/json_value.ts";
import { invalidRequest, VaultError } from "../../errors.ts";
import {
  FORM_FIELDS_MAX,
  FORM_MAX_BYTES,
  JSON_DEPTH_MAX,
  JSON_ESCAPES_MAX,
  JSON_MEMORY_MAX_BYTES,
  JSON_NUMBER_MAX_CHARS,
  JSON_TEXTS_MAX,
  JSON_VALUES_MAX,
  REQUEST_BODY_MAX_BYTES,
} from "../../limits.ts";

const BYTE_ORDER_MARK = 0xfeff;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A body above the limit. `errors.ts` answers 413. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** Longer bodies are decoded in slices with pauses, so that other requests are served meanwhile. */
const PAUSE_BYTES = 4 * 1024 * 1024;

/** How much of a body may be read. */
export interface BodyLimit {
  /** For any caller. */
  readonly maxBytes: number;
  /**
   * The limit for this caller, asked once when the body exceeds `maxBytes`. Its errors are passed
   * on. Defaults to `maxBytes`.
   */
  readonly more?: () => Promise<number>;
}

/**
 * The whole body as text. Throws `BodyTooLarge` without reading beyond the limit, or
 * `invalid_request` if the body ended early. Nothing beyond `maxBytes` is read before `more` allows
 * it.
 */
export async function readBodyText(
  request: Request,
  limit: BodyLimit = { maxBytes: REQUEST_BODY_MAX_BYTES },
): Promise<string> {
  try {
    return await readText(request, limit);
  } catch (error) {
    if (error instanceof BodyTooLarge || error instanceof VaultError) throw error;
    throw invalidRequest("the request body did not arrive whole");
  }
}

async function readText(request: Request, { maxBytes, more }: BodyLimit): Promise<string> {
  let allowed = maxBytes;
  let ask = more;
  const admit = async (length: number): Promise<void> => {
    if (length > allowed && length <= REQUEST_BODY_MAX_BYTES && ask !== undefined) {
      const asked = ask;
      ask = undefined;
      allowed = await asked();
    }
    if (length > allowed) throw bodyTooLarge();
  };
  const declared = request.headers.get("content-length");
  await admit(Number(declared));
  // Every server ends a body at its Content-Length, unless it is chunked. Reading it whole is
  // several times faster than as a stream.
  if (declared !== null && !request.headers.has("transfer-encoding")) {
    const whole = await request.arrayBuffer();
    await admit(whole.byteLength);
    return await decodeText([new Uint8Array(whole)]);
  }
  if (request.body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    await admit(length);
    chunks.push(chunk);
  }
  return await decodeText(chunks);
}

/** Invalid UTF-8 takes ten times as long to decode. */
async function decodeText(chunks: readonly Uint8Array[]): Promise<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const [first] = chunks;
  // Nearly every body takes this path, at a quarter of the cost.
  if (chunks.length === 1 && first !== undefined && first.length <= PAUSE_BYTES) {
    return decoder.decode(first);
  }
  const parts: string[] = [];
  let sincePause = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PAUSE_BYTES) {
      const slice = chunk.subarray(at, at + PAUSE_BYTES);
      parts.push(decoder.decode(slice, { stream: true }));
      sincePause += slice.length;
      if (sincePause < PAUSE_BYTES) continue;
      await pause();
      sincePause = 0;
    }
  }
  parts.push(decoder.decode());
  return await pauseAfter(parts.join(""));
}

async function pauseAfter(text: string): Promise<string> {
  if (text.length > PAUSE_BYTES) await pause();
  return text;
}

function bodyTooLarge(): BodyTooLarge {
  return new BodyTooLarge("http: request body too large");
}

/** Like `parseJsonObject`, but {} for null. Pauses after parsing a large body. */
export async function parseJsonBody(text: string): Promise<Readonly<Record<string, unknown>>> {
  const object = parseJsonObject(text) ?? {};
  await pauseAfter(text);
  return object;
}

/** A JSON object from a body; null for an empty body or `null`. Throws `invalid_request`. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | null {
  const start = text.search(/[^ \t\r\n]/);
  if (start === -1) return null;
  if (text.charCodeAt(start) === BYTE_ORDER_MARK) {
    throw undecodable("invalid character at the start");
  }
  const { end, hasNumbers } = boundValues(text, start);
  const first = parseText(end === text.length ? text : text.slice(0, end), hasNumbers);
  const rest = text.slice(end).trim();
  if (rest !== "") parseText(rest, false);
  if (first === null) return null;
  if (typeof first !== "object" || Array.isArray(first)) {
    throw undecodable(`cannot use ${Array.isArray(first) ? "array" : typeof first} as an object`);
  }
  return first as Readonly<Record<string, unknown>>;
}

function undecodable(reason: string): VaultError {
  return invalidRequest(`failed to decode JSON input: ${reason}`);
}

/** Go's memory cost of parsed tokens, by which the reference limits bodies. */
const TOKEN_BYTES = 16;
const OBJECT_BYTES = 72;
const LIST_BYTES = 24;
const SCALAR_BYTES = 8;

/** Totals for the body so far. */
interface Counted {
  texts: number;
  values: number;
  escapes: number;
  bytes: number;
}

interface Bounded {
  /** Index after the first value. */
  readonly end: number;
  readonly hasNumbers: boolean;
}

/**
 * Finds the end of the first value. Also limits the depth, texts, values, number lengths and memory
 * of the whole text before anything is built from it (Vault's CVE-2025-6203 class of attack). What
 * follows the first value counts too, because it is parsed as well. Throws `invalid_request`.
 */
function boundValues(text: string, start: number): Bounded {
  const counted: Counted = { texts: 0, values: 0, escapes: 0, bytes: 0 };
  let depth = 0;
  let firstEnd = -1;
  let scalarStart = -1;
  let hasNumbers = false;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      const end = endOfText(text, index, counted);
      counted.texts += 1;
      counted.bytes += 2 * TOKEN_BYTES + (end - index);
      index = end;
      refuseExcess(counted);
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
      counted.values += 1;
      counted.bytes += TOKEN_BYTES + (code === OPEN_BRACE ? OBJECT_BYTES : LIST_BYTES);
      scalarStart = -1;
      if (depth > JSON_DEPTH_MAX) throw undecodable("nested too deeply");
      refuseExcess(counted);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth = Math.max(0, depth - 1);
      if (depth === 0 && firstEnd === -1) firstEnd = index + 1;
      scalarStart = -1;
    } else if (code <= SPACE) {
      scalarStart = -1;
      if (text.charCodeAt(index + 1) <= SPACE) index = endOfSpaces(text, index) - 1;
    } else if (code === COMMA || code === COLON) {
      scalarStart = -1;
    } else if (scalarStart === -1) {
      scalarStart = index;
      hasNumbers ||= code <= NINE;
      counted.values += 1;
      counted.bytes += TOKEN_BYTES + SCALAR_BYTES;
      refuseExcess(counted);
    } else if (index - scalarStart >= JSON_NUMBER_MAX_CHARS) {
      throw undecodable("number too long");
    }
  }
  return { end: firstEnd === -1 ? text.length : firstEnd, hasNumbers };
}

const SPACES = /[\0- ]+/y;

function endOfSpaces(text: string, start: number): number {
  SPACES.lastIndex = start;
  SPACES.test(text);
  return SPACES.lastIndex;
}

function refuseExcess({ texts, values, bytes, escapes }: Counted): void {
  if (texts > JSON_TEXTS_MAX) throw tooComplex("exceeded maximum number of strings");
  if (bytes > JSON_MEMORY_MAX_BYTES) throw tooComplex("exceeded maximum estimated memory limits");
  if (values > JSON_VALUES_MAX) throw tooComplex("exceeded maximum number of values");
  if (escapes > JSON_ESCAPES_MAX) throw tooComplex("exceeded maximum number of escapes");
}

/** Index of the closing quote, or of the last character if there is none. */
function endOfText(text: string, start: number, counted: Counted): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end;
    counted.escapes += 1;
    if (counted.escapes > JSON_ESCAPES_MAX) refuseExcess(counted);
  }
  return text.length - 1;
}

function tooComplex(reason: string): VaultError {
  return invalidRequest(`refused JSON input due to high complexity: ${reason}`);
}

function parseText(text: string, hasNumbers: boolean): unknown {
  try {
    return hasNumbers ? parseExactly(text) : JSON.parse(text);
  } catch {
    throw undecodable("invalid character or unexpected end");
  }
}

/** Form fields as Vault reads them: texts; a repeated name is joined with commas. */
export function parseForm(text: string): Readonly<Record<string, unknown>> {
  if (text.length > FORM_MAX_BYTES) {
    throw invalidRequest(`error parsing form data: longer than ${FORM_MAX_BYTES} bytes`);
  }
  if (hasMoreFields(text)) {
    throw invalidRequest(`error parsing form data: more than ${FORM_FIELDS_MAX} fields`);
  }
  if (/%(?![0-9a-fA-F]{2})|;/.test(text)) throw invalidRequest("error parsing form data");
  return Object.fromEntries(
    Object.entries(parameters(new URLSearchParams(text))).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(",") : value,
    ]),
  );
}

/** Whether a form or query has more than `FORM_FIELDS_MAX` fields; empty ones count. */
export function hasMoreFields(text: string): boolean {
  let at = -1;
  for (let count = 0; count < FORM_FIELDS_MAX; count++) {
    at = text.indexOf("&", at + 1);
    if (at === -1) return false;
  }
  return true;
}

/** Query parameters without the `omitted` names. A repeated name has a list. */
export function parameters(
  search: URLSearchParams,
  omitted: readonly string[] = [],
): Readonly<Record<string, unknown>> {
  const values = new Map<string, string[]>();
  for (const [name, value] of search) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  for (const name of omitted) values.delete(name);
  return Object.fromEntries(
    [...values].map(([name, all]) => [name, all.length === 1 ? all[0] : all]),
  );
}

/**
 * Request bodies as Vault reads them: the first JSON value counts, a second one after it is ignored,
 * other text is refused. Numbers that a JavaScript number would change are kept as they were sent.
 * No message quotes the body.
 */

import { invalidRequest, VaultError } from "../errors.ts";
import { JSON_DEPTH_MAX, REQUEST_BODY_MAX_BYTES } from "../limits.ts";

const BYTE_ORDER_MARK = 0xfeff;

/** A body that is larger than the product takes; `http/errors.ts` answers 413. */
export class BodyTooLarge extends Error {
  override readonly name = "BodyTooLarge";
}

/** The whole body as text. Throws `BodyTooLarge`, and then has read no more than the limit. */
export async function readBodyText(request: Request): Promise<string> {
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

/** Index behind the first value; also bounds its depth before anything is built from it. */
function endOfValue(text: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) {
      inString = true;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > JSON_DEPTH_MAX) throw undecodable("nested too deeply");
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      if (depth <= 0) return index + 1;
    }
  }
  return text.length;
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

/** Form fields as Vault reads them: text, or a list where a name repeats. */
export function parseForm(text: string): Readonly<Record<string, unknown>> {
  return parameters(new URLSearchParams(text));
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

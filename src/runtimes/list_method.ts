/**
 * Vault's clients send the methods LIST and SCAN, which the HTTP parsers of Node and Bun refuse. This
 * filter stands between a connection and the parser and writes LOCK in place of LIST and BIND in
 * place of SCAN, four bytes for four bytes, at the start of a message; the server reads them back. A
 * real LOCK or BIND becomes COPY, which nothing serves either.
 *
 * Why it opens no request smuggling: it never adds, drops or moves a byte, so it cannot change where
 * the parser sees a message end. It follows only framing that has one reading (one Content-Length, or
 * no body). After anything else on a connection (Transfer-Encoding, Upgrade, CONNECT, folded lines,
 * a lone CR or LF) it touches nothing any more; were it ever wrong about a boundary, four bytes of
 * the sender's own body would change, and nothing else.
 */

import { Buffer } from "node:buffer";

/** What the methods are that the parser sees in place of others. */
export const STAND_INS: ReadonlyMap<string, string> = new Map([["LOCK", "LIST"], ["BIND", "SCAN"]]);

const REPLACEMENTS: ReadonlyMap<string, string> = new Map([
  ["LIST ", "LOCK"],
  ["SCAN ", "BIND"],
  ["LOCK ", "COPY"],
  ["BIND ", "COPY"],
]);
const TOKEN_BYTES = 5;
/** Both parsers refuse a head of 16 KiB; what is longer is not looked at. */
const HEAD_MAX_BYTES = 32 * 1024;
const CR = 0x0d;
const LF = 0x0a;

type State =
  /** Before a request line; `held` is a beginning that may still become a method to replace. */
  | { readonly at: "start"; readonly held: string }
  | { readonly at: "head"; readonly head: string }
  | { readonly at: "body"; readonly left: number }
  /** Nothing is replaced from here on. */
  | { readonly at: "opaque" };

export class ListMethodFilter {
  #state: State = { at: "start", held: "" };

  /** A message has begun and has not ended, as far as can be told. */
  get isMidMessage(): boolean {
    return this.#state.at !== "start" || this.#state.held !== "";
  }

  /** After this the connection should be closed with the response: LIST would be refused on it. */
  get isOpaque(): boolean {
    return this.#state.at === "opaque";
  }

  /** The bytes to give to the parser now. At most four are held back, until the next call. */
  push(chunk: Uint8Array): Buffer {
    const parts: Buffer[] = [];
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) rest = this.#step(rest, parts);
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** What is still held back, when the connection ends. */
  flush(): Buffer {
    const state = this.#state;
    this.#state = { at: "opaque" };
    return Buffer.from(state.at === "start" ? state.held : "", "latin1");
  }

  /** Consumes a part of `rest`, puts what goes on into `parts`, returns what is left. */
  #step(rest: Buffer, parts: Buffer[]): Buffer {
    const state = this.#state;
    switch (state.at) {
      case "start":
        return this.#readStart(state.held, rest, parts);
      case "head":
        return this.#readHead(state.head, rest, parts);
      case "body": {
        const taken = Math.min(state.left, rest.length);
        parts.push(rest.subarray(0, taken));
        this.#startBody(state.left - taken);
        return rest.subarray(taken);
      }
      case "opaque":
        parts.push(rest);
        return rest.subarray(rest.length);
    }
  }

  #readStart(held: string, rest: Buffer, parts: Buffer[]): Buffer {
    if (held === "" && (rest[0] === CR || rest[0] === LF)) {
      parts.push(rest.subarray(0, 1));
      return rest.subarray(1);
    }
    const wanted = TOKEN_BYTES - held.length;
    const token = held + rest.toString("latin1", 0, wanted);
    const left = rest.subarray(wanted);
    if (token.length < TOKEN_BYTES && mayBecomeReplaced(token)) {
      this.#state = { at: "start", held: token };
      return left;
    }
    const replacement = REPLACEMENTS.get(token);
    const written = replacement === undefined ? token : `${replacement} `;
    parts.push(Buffer.from(written, "latin1"));
    return this.#readHead("", Buffer.concat([Buffer.from(token, "latin1"), left]), parts, token);
  }

  /** `written`: the beginning of `rest` that has gone on already. */
  #readHead(head: string, rest: Buffer, parts: Buffer[], written = ""): Buffer {
    const joined = head + rest.toString("latin1");
    const end = joined.indexOf("\r\n\r\n", Math.max(0, head.length - 3));
    const isWhole = end >= 0;
    const taken = isWhole ? end + 4 - head.length : rest.length;
    parts.push(rest.subarray(written.length, taken));
    if (isWhole) this.#startBody(bodyBytes(joined.slice(0, end)));
    else if (joined.length > HEAD_MAX_BYTES) this.#state = { at: "opaque" };
    else this.#state = { at: "head", head: joined };
    return rest.subarray(taken);
  }

  #startBody(left: number | null): void {
    if (left === null) this.#state = { at: "opaque" };
    else this.#state = left === 0 ? { at: "start", held: "" } : { at: "body", left };
  }
}

function mayBecomeReplaced(token: string): boolean {
  return [...REPLACEMENTS.keys()].some((method) => method.startsWith(token));
}

/** Length of the body after this head (without its empty line); null when it has two readings. */
function bodyBytes(head: string): number | null {
  const [requestLine = "", ...lines] = head.split("\r\n");
  if (/[\r\n]/.test(head.replaceAll("\r\n", "")) || requestLine.startsWith("CONNECT ")) return null;
  let length: number | null = null;
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    switch (name.toLowerCase()) {
      case "transfer-encoding":
      case "upgrade":
        return null;
      case "content-length":
        if (length !== null || !/^[0-9]{1,15}$/.test(value)) return null;
        length = Number(value);
    }
  }
  return length ?? 0;
}

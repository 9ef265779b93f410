/**
 * Reads complete requests from a connection's bytes, one after another. The application never sees
 * a truncated request. Pure: bytes in, requests or a refusal out.
 */

import { Buffer } from "node:buffer";
import { HEAD_EMPTY_LINES_MAX, HEAD_MAX_BYTES, REQUEST_BODY_MAX_BYTES } from "../../../limits.ts";
import { type BodyReader, createBodyReader } from "./body.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { type Head, parseHead } from "./head.ts";
import type { Refusal } from "./refusal.ts";
import type { Transfer } from "./transfers.ts";

export interface ReceivedRequest {
  readonly head: Head;
  /** Null if longer than `REQUEST_BODY_MAX_BYTES`; then nothing after it can be read. */
  readonly body: Buffer | null;
  /** Counts the body's memory. Close it when the request is answered. */
  readonly transfer: Transfer;
}

export type ReadOutcome =
  /** The request is not complete yet. */
  | { readonly kind: "more" }
  /** The client waits for "100 Continue" before sending the body. */
  | { readonly kind: "continue" }
  | { readonly kind: "request"; readonly request: ReceivedRequest }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What the next byte belongs to. */
export type Phase = "idle" | "head" | "body";

const NOTHING = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
const HEAD_END = "\r\n\r\n";
const MORE: ReadOutcome = { kind: "more" };
const MALFORMED: ReadOutcome = { kind: "refused", refusal: "malformed" };

interface UnfinishedBody {
  readonly head: Head;
  readonly reader: BodyReader;
  readonly transfer: Transfer;
}

export class RequestReader {
  readonly #openTransfer: () => Transfer;
  /** Received but not parsed. */
  #input: Buffer = NOTHING;
  /** The beginning of an incomplete head. */
  readonly #head = new ByteBuffer();
  #emptyLines = 0;
  #body: UnfinishedBody | null = null;

  constructor(openTransfer: () => Transfer) {
    this.#openTransfer = openTransfer;
  }

  get phase(): Phase {
    if (this.#body !== null) return "body";
    return this.#head.length > 0 ? "head" : "idle";
  }

  /** Whether there is input that was not parsed. */
  get hasInput(): boolean {
    return this.#input.length > 0;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
  }

  /** Call again after each request and after `push`, but not after a refusal. */
  next(): ReadOutcome {
    if (this.#body === null) {
      const outcome = this.#readHead();
      if (outcome !== null) return outcome;
    }
    return this.#readBody();
  }

  /** Drops all input and releases the memory of an incomplete body. */
  close(): void {
    this.#body?.transfer.close();
    this.#body = null;
    this.#head.clear();
    this.#input = NOTHING;
  }

  /** Null if the body comes next. */
  #readHead(): ReadOutcome | null {
    this.#skipEmptyLines();
    if (this.#emptyLines > HEAD_EMPTY_LINES_MAX) return MALFORMED;
    if (this.#input.length === 0) return MORE;
    const known = this.#head.length;
    const room = HEAD_MAX_BYTES + HEAD_END.length - known;
    if (known > 0) this.#head.append(this.#input.subarray(0, room), known + room);
    const bytes = known > 0 ? this.#head.view() : this.#input.subarray(0, room);
    const end = bytes.indexOf(HEAD_END, Math.max(0, known - HEAD_END.length + 1), "latin1");
    if (end === -1 || end > HEAD_MAX_BYTES) {
      if (!isTokenByte(bytes[0]) || hasLoneLineFeed(bytes, known)) return MALFORMED;
      if (bytes.length >= known + room) return { kind: "refused", refusal: "head-too-large" };
      if (known === 0) this.#head.append(this.#input, HEAD_MAX_BYTES + HEAD_END.length);
      this.#input = NOTHING;
      return MORE;
    }
    const outcome = parseHead(bytes.toString("latin1", 0, end));
    if (!outcome.ok) return { kind: "refused", refusal: outcome.refusal };
    this.#input = this.#input.subarray(end + HEAD_END.length - known);
    this.#head.clear();
    this.#emptyLines = 0;
    const { head } = outcome;
    const transfer = this.#openTransfer();
    const keeps = head.method !== "GET" && head.method !== "HEAD";
    this.#body = { head, reader: createBodyReader(head.framing, keeps, transfer), transfer };
    return this.#mustInvite(head) ? { kind: "continue" } : null;
  }

  #mustInvite({ expectsContinue, framing }: Head): boolean {
    if (!expectsContinue || this.#input.length > 0) return false;
    return framing.kind === "chunked" ||
      (framing.kind === "length" && framing.bytes <= REQUEST_BODY_MAX_BYTES);
  }

  #readBody(): ReadOutcome {
    if (this.#body === null) return MORE;
    const { head, reader, transfer } = this.#body;
    const outcome = reader.read(this.#input);
    this.#input = outcome.kind === "whole" ? outcome.rest : NOTHING;
    if (outcome.kind === "more") return MORE;
    if (outcome.kind === "refused") return outcome;
    this.#body = null;
    const body = outcome.kind === "whole" ? outcome.bytes : null;
    if (body === null) transfer.close();
    else transfer.settle();
    return { kind: "request", request: { head, body, transfer } };
  }

  /** Also skips an empty line that arrived in two pieces. */
  #skipEmptyLines(): void {
    if (this.#head.length === 1 && this.#head.view()[0] === CR && this.#input[0] === LF) {
      this.#head.clear();
      this.#input = this.#input.subarray(1);
      this.#emptyLines += 1;
    }
    if (this.#head.length > 0) return;
    while (this.#input[0] === CR && this.#input[1] === LF) {
      this.#input = this.#input.subarray(2);
      this.#emptyLines += 1;
    }
  }
}

/** Whether a byte can begin a method or an empty line. Anything else is TLS or not HTTP. */
function isTokenByte(byte: number | undefined): boolean {
  return byte === CR || (byte !== undefined && /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(
    String.fromCharCode(byte),
  ));
}

/** Whether a line ends without CR at or after `from`. Some parsers accept such an end. */
function hasLoneLineFeed(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(LF, from); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) return true;
  }
  return false;
}

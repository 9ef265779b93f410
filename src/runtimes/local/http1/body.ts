/** Reads request bodies up to the product's limit. A longer body is detected but never kept. */

import { Buffer } from "node:buffer";
import { CHUNK_LINE_MAX_BYTES, HEAD_MAX_BYTES, REQUEST_BODY_MAX_BYTES } from "../../../limits.ts";
import { ByteBuffer } from "./byte_buffer.ts";
import { type BodyFraming, parseHeaderLine } from "./head.ts";
import type { Refusal } from "./refusal.ts";
import type { Transfer } from "./transfers.ts";

export type BodyOutcome =
  | { readonly kind: "more" }
  /** `rest` follows the message. */
  | { readonly kind: "whole"; readonly bytes: Buffer; readonly rest: Buffer }
  /** Longer than `REQUEST_BODY_MAX_BYTES`; its end is not sought. */
  | { readonly kind: "too-large" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface BodyReader {
  /** Consumes all of `input` unless the body ends in it. */
  read(input: Buffer): BodyOutcome;
}

/** `keeps` is false if the body has no meaning (GET, HEAD) and is only skipped. */
export function createBodyReader(
  framing: BodyFraming,
  keeps: boolean,
  transfer: Transfer,
): BodyReader {
  const maxBytes = framing.kind === "length" ? framing.bytes : REQUEST_BODY_MAX_BYTES;
  const gathering = new Gathering(transfer, keeps, Math.min(maxBytes, REQUEST_BODY_MAX_BYTES));
  if (framing.kind === "chunked") return new ChunkedReader(gathering);
  return new LengthReader(gathering, framing.kind === "length" ? framing.bytes : 0);
}

class Gathering {
  readonly #transfer: Transfer;
  readonly #keeps: boolean;
  readonly #maxBytes: number;
  readonly #buffer = new ByteBuffer();
  #length = 0;

  constructor(transfer: Transfer, keeps: boolean, maxBytes: number) {
    this.#transfer = transfer;
    this.#keeps = keeps;
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Null if the body goes on, otherwise why it ends here. */
  add(piece: Buffer): BodyOutcome | null {
    this.#length += piece.length;
    if (this.#length > REQUEST_BODY_MAX_BYTES) return { kind: "too-large" };
    if (!this.#keeps) return null;
    if (!this.#transfer.hold(this.#buffer.capacityFor(piece.length, this.#maxBytes))) {
      return { kind: "refused", refusal: "crowded" };
    }
    this.#buffer.append(piece, this.#maxBytes);
    return null;
  }

  /** Returns the whole body ending in `last`. Copies nothing if `last` is all of it. */
  end(last: Buffer, rest: Buffer): BodyOutcome {
    if (this.#length === 0 && this.#keeps) {
      const isHeld = this.#transfer.hold(last.length);
      return isHeld
        ? { kind: "whole", bytes: last, rest }
        : { kind: "refused", refusal: "crowded" };
    }
    return this.add(last) ?? { kind: "whole", bytes: this.#buffer.view(), rest };
  }
}

class LengthReader implements BodyReader {
  readonly #gathering: Gathering;
  readonly #bytes: number;

  constructor(gathering: Gathering, bytes: number) {
    this.#gathering = gathering;
    this.#bytes = bytes;
  }

  read(input: Buffer): BodyOutcome {
    if (this.#bytes > REQUEST_BODY_MAX_BYTES) return { kind: "too-large" };
    const left = this.#bytes - this.#gathering.length;
    if (input.length < left) return this.#gathering.add(input) ?? { kind: "more" };
    return this.#gathering.end(input.subarray(0, left), input.subarray(left));
  }
}

const NOTHING = Buffer.alloc(0);
const LF = 0x0a;
/** Chunk size and extensions, which are ignored. */
const CHUNK_LINE = /^([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

type ChunkState =
  | { readonly at: "size" }
  | { readonly at: "data"; readonly left: number }
  | { readonly at: "data-end" }
  /** `bytes` of trailer lines were read so far. The lines are checked and dropped. */
  | { readonly at: "trailer"; readonly bytes: number };

const MALFORMED: BodyOutcome = { kind: "refused", refusal: "malformed" };

class ChunkedReader implements BodyReader {
  readonly #gathering: Gathering;
  #state: ChunkState = { at: "size" };
  /** The beginning of an incomplete line. */
  #line = "";

  constructor(gathering: Gathering) {
    this.#gathering = gathering;
  }

  read(input: Buffer): BodyOutcome {
    let rest = input;
    while (rest.length > 0) {
      if (this.#state.at === "data") {
        const piece = rest.subarray(0, this.#state.left);
        rest = rest.subarray(piece.length);
        const end = this.#gathering.add(piece);
        if (end !== null) return end;
        const left = this.#state.left - piece.length;
        this.#state = left === 0 ? { at: "data-end" } : { at: "data", left };
        continue;
      }
      const end = rest.indexOf(LF);
      this.#line += rest.toString("latin1", 0, end === -1 ? rest.length : end + 1);
      rest = end === -1 ? NOTHING : rest.subarray(end + 1);
      if (this.#line.length > this.#lineMaxBytes()) return MALFORMED;
      if (end === -1) break;
      if (!this.#line.endsWith("\r\n")) return MALFORMED;
      const outcome = this.#readLine(this.#line.slice(0, -2), rest);
      this.#line = "";
      if (outcome !== null) return outcome;
    }
    return { kind: "more" };
  }

  #lineMaxBytes(): number {
    return this.#state.at === "trailer" ? HEAD_MAX_BYTES : CHUNK_LINE_MAX_BYTES;
  }

  /** Null if the body goes on. */
  #readLine(line: string, rest: Buffer): BodyOutcome | null {
    switch (this.#state.at) {
      case "size": {
        const [, size] = CHUNK_LINE.exec(line) ?? [];
        if (size === undefined) return MALFORMED;
        const left = parseInt(size, 16);
        this.#state = left === 0 ? { at: "trailer", bytes: 0 } : { at: "data", left };
        return null;
      }
      case "data-end":
        this.#state = { at: "size" };
        return line === "" ? null : MALFORMED;
      case "trailer": {
        if (line === "") return this.#gathering.end(NOTHING, rest);
        const bytes = this.#state.bytes + line.length + 2;
        if (bytes > HEAD_MAX_BYTES) return { kind: "refused", refusal: "head-too-large" };
        this.#state = { at: "trailer", bytes };
        return parseHeaderLine(line) === null ? MALFORMED : null;
      }
      case "data":
        throw new Error("there are no lines in a chunk");
    }
  }
}

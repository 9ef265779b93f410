/**
 * Collects bytes that arrive in pieces of any size. Grows by doubling, so a message sent byte by
 * byte needs no full copy and no object per byte.
 */

import { Buffer } from "node:buffer";

const FIRST_BYTES = 1024;

export class ByteBuffer {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Capacity in bytes needed to add `more` bytes, if `max` bounds the total. */
  capacityFor(more: number, max: number): number {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return this.#bytes.length;
    return Math.min(max, Math.max(needed, 2 * this.#bytes.length, FIRST_BYTES));
  }

  append(piece: Buffer, max: number): void {
    const capacity = this.capacityFor(piece.length, max);
    if (capacity > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    piece.copy(this.#bytes, this.#length);
    this.#length += piece.length;
  }

  /** A view, not a copy. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
  }
}

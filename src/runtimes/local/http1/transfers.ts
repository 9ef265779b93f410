/**
 * Bounds the memory of all transfers of a server: bodies that come in, answers that wait to be read.
 * When there is no room, the transfer that has stood still for longest is given up, so that half-sent
 * bodies keep nobody out. A small transfer is not counted; the number of connections bounds those.
 */

import { TRANSFER_FREE_BYTES } from "../../../limits.ts";

/** Gives the transfer up; it must be closed before this returns. */
type GiveUp = () => void;

export class Transfers {
  readonly #maxBytes: number;
  #bytes = 0;
  /** Those that may be given up; the first made progress least recently. */
  readonly #waiting = new Map<Transfer, GiveUp>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are counted now. */
  get bytes(): number {
    return this.#bytes;
  }

  open(giveUp: GiveUp): Transfer {
    const transfer: Transfer = new Transfer({
      progress: () => {
        this.#waiting.delete(transfer);
        this.#waiting.set(transfer, giveUp);
      },
      settle: () => this.#waiting.delete(transfer),
      makeRoom: (bytes) => this.#makeRoom(transfer, bytes),
      add: (bytes) => this.#bytes += bytes,
    });
    return transfer;
  }

  #makeRoom(transfer: Transfer, bytes: number): boolean {
    for (const [other, giveUp] of this.#waiting) {
      if (this.#bytes + bytes <= this.#maxBytes) break;
      if (other !== transfer && other.bytes > 0) giveUp();
    }
    return this.#bytes + bytes <= this.#maxBytes;
  }
}

interface Ledger {
  readonly progress: () => void;
  readonly settle: () => void;
  readonly makeRoom: (bytes: number) => boolean;
  readonly add: (bytes: number) => void;
}

export class Transfer {
  readonly #ledger: Ledger;
  #counted = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Bytes of this transfer that are counted. */
  get bytes(): number {
    return this.#counted;
  }

  /** It holds `bytes` in all from now on, and has just made progress. False: there is no room. */
  hold(bytes: number): boolean {
    return this.#hold(bytes, false);
  }

  /** Like `hold`, for an answer: the work is done, so it gets room even where there is none. */
  insist(bytes: number): void {
    this.#hold(bytes, true);
  }

  #hold(bytes: number, isNeeded: boolean): boolean {
    const counted = bytes <= TRANSFER_FREE_BYTES ? 0 : bytes;
    if (counted === 0 && this.#counted === 0) return true;
    this.#ledger.progress();
    const more = counted - this.#counted;
    if (more > 0 && !this.#ledger.makeRoom(more) && !isNeeded) return false;
    this.#ledger.add(more);
    this.#counted = counted;
    return true;
  }

  /** All has arrived: it is counted, but no longer given up. */
  settle(): void {
    this.#ledger.settle();
  }

  close(): void {
    this.#ledger.settle();
    this.#ledger.add(-this.#counted);
    this.#counted = 0;
  }
}

/**
 * Bounds the memory of a server's transfers: incoming bodies, and responses waiting to be read.
 * When there is no room, the transfer stalled for longest is given up, so that half-sent bodies
 * shut nobody out. Small transfers are not counted; the number of connections bounds those.
 */

import { TRANSFER_FREE_BYTES } from "../../../limits.ts";

/** Gives the transfer up. Must close it before returning. */
type GiveUp = () => void;

export class Transfers {
  readonly #maxBytes: number;
  #bytes = 0;
  /** Transfers that may be given up, least recent progress first. */
  readonly #waiting = new Map<Transfer, GiveUp>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes currently counted. */
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

  /** Counted bytes of this transfer. */
  get bytes(): number {
    return this.#counted;
  }

  /** Sets the transfer's total to `bytes` and records progress. False if there is no room. */
  hold(bytes: number): boolean {
    return this.#hold(bytes, false);
  }

  /** Like `hold`, but always succeeds: for a response, whose work is already done. */
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

  /** Call when all has arrived: still counted, but no longer given up. */
  settle(): void {
    this.#ledger.settle();
  }

  close(): void {
    this.#ledger.settle();
    this.#ledger.add(-this.#counted);
    this.#counted = 0;
  }
}

/**
 * A server's places for connections. When all are taken, a new connection evicts one without a
 * complete request, from the address that holds the most of those. So clients that hold connections
 * open evict each other first and shut nobody else out.
 */

export interface Occupant {
  readonly peerAddress: string | null;
  /** Closing now costs the client only a connection. */
  readonly isWaiting: boolean;
  /** Closing now would lose a request that has not reached the application. */
  readonly isReceiving: boolean;
  /** Ends the occupant if it has taken too long. Call periodically. */
  checkTime(nowMs: number): void;
  destroy(): void;
}

export class Places {
  readonly #max: number;
  /** In order of arrival. */
  readonly #occupants = new Set<Occupant>();
  #onFree: () => void = () => {};

  constructor(max: number) {
    this.#max = max;
  }

  get all(): ReadonlySet<Occupant> {
    return this.#occupants;
  }

  /** False if every place is taken by a request the application is working on. */
  take(occupant: Occupant): boolean {
    if (this.#occupants.size >= this.#max) {
      const loser = this.#longest((other) => other.isWaiting) ??
        this.#longest((other) => other.isReceiving);
      if (loser === null) return false;
      this.leave(loser);
      loser.destroy();
    }
    this.#occupants.add(occupant);
    return true;
  }

  leave(occupant: Occupant): void {
    this.#occupants.delete(occupant);
    if (this.#occupants.size === 0) this.#onFree();
  }

  /** Resolves when all places are free. Call only after `take` is no longer called. */
  areFree(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFree = resolve;
      if (this.#occupants.size === 0) resolve();
    });
  }

  /** The oldest qualifying connection of the address with the most of them. */
  #longest(qualifies: (occupant: Occupant) => boolean): Occupant | null {
    const counts = new Map<string | null, number>();
    const oldest = new Map<string | null, Occupant>();
    let most: string | null | undefined;
    for (const occupant of this.#occupants) {
      if (!qualifies(occupant)) continue;
      const { peerAddress } = occupant;
      const count = (counts.get(peerAddress) ?? 0) + 1;
      counts.set(peerAddress, count);
      if (count === 1) oldest.set(peerAddress, occupant);
      if (most === undefined || count > (counts.get(most) ?? 0)) most = peerAddress;
    }
    return most === undefined ? null : oldest.get(most) ?? null;
  }
}

/**
 * The places for connections of one server. When all are taken, a new connection gets the place of
 * one on which no request is under way, of the address that has the most of them: so strangers who
 * hold connections open take places from each other first, and keep nobody out.
 */

export interface Occupant {
  readonly peerAddress: string | null;
  /** No request has arrived whole: to close now costs the client nothing but a connection. */
  readonly isWaiting: boolean;
  /** A request is coming in that has not reached the application. */
  readonly isReceiving: boolean;
  /** To be called now and then: ends what has taken too long. */
  checkTime(nowMs: number): void;
  destroy(): void;
}

export class Places {
  readonly #max: number;
  /** In the order of arrival. */
  readonly #occupants = new Set<Occupant>();
  #onFree: () => void = () => {};

  constructor(max: number) {
    this.#max = max;
  }

  get all(): ReadonlySet<Occupant> {
    return this.#occupants;
  }

  /** False when every place is taken by a request that the application is at work on. */
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

  /** Resolves when nobody has a place; to be asked when no more are taken. */
  areFree(): Promise<void> {
    return new Promise((resolve) => {
      this.#onFree = resolve;
      if (this.#occupants.size === 0) resolve();
    });
  }

  /** The oldest connection that qualifies, of the address with the most that do. */
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

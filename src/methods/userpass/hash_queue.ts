/**
 * Hashes of passwords are computed one at a time: more at once would be no faster, and memory stays
 * that of one. Clients take turns, so that one who asks a lot waits for themself; how many may wait
 * is bounded, for each and for all together.
 */

import { VaultError } from "../../errors.ts";
import { HASHES_WAITING_MAX, HASHES_WAITING_PER_CLIENT_MAX } from "../../limits.ts";
import { networkOf } from "../../access/networks.ts";
import type { Client } from "../method.ts";

/** No client waits for the hash. */
export const NO_CLIENT: Client = { address: null, signal: null };

interface Job {
  readonly run: () => Promise<void>;
  readonly refuse: (reason: unknown) => void;
}

export class HashQueue {
  /** Jobs by client, in the order in which clients have their turn. None is empty. */
  readonly #waiting = new Map<string, Job[]>();
  readonly #refuseWork: () => void;
  #size = 0;
  #isRunning = false;

  /** `refuseWork` throws what there is to be said where no work may be done any more. */
  constructor(refuseWork: () => void) {
    this.#refuseWork = refuseWork;
  }

  /**
   * What `work` resolves with, after that of those before it. Rejects with `rate_limited` when too
   * many wait, and with what `refuseWork` throws when the turn comes. A client that has left is
   * dropped; who would listen to the answer?
   */
  async run<T>(work: () => Promise<T>, { address, signal }: Client): Promise<T> {
    this.#refuseWork();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const job: Job = {
      run: async () => {
        try {
          this.#refuseWork();
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      },
      refuse: reject,
    };
    const client = networkOf(address);
    const leave = () => this.#drop(client, job, left());
    if (signal?.aborted === true) throw left();
    this.#add(client, job);
    signal?.addEventListener("abort", leave, { once: true });
    void this.#work();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Who has most waiting makes room for who has less. */
  #add(client: string, job: Job): void {
    const jobs = this.#waiting.get(client) ?? [];
    if (jobs.length >= HASHES_WAITING_PER_CLIENT_MAX) throw tooMany();
    if (this.#size >= HASHES_WAITING_MAX) {
      const [heaviest, most] = this.#heaviest();
      if (most.length <= jobs.length + 1) throw tooMany();
      const last = most.at(-1);
      if (last !== undefined) this.#drop(heaviest, last, tooMany());
    }
    this.#waiting.set(client, [...jobs, job]);
    this.#size += 1;
  }

  #heaviest(): readonly [client: string, jobs: readonly Job[]] {
    let found: readonly [string, readonly Job[]] = ["", []];
    for (const entry of this.#waiting) if (entry[1].length > found[1].length) found = entry;
    return found;
  }

  #drop(client: string, job: Job, reason: unknown): void {
    const jobs = this.#waiting.get(client) ?? [];
    if (!jobs.includes(job)) return;
    this.#keep(client, jobs.filter((other) => other !== job));
    this.#size -= 1;
    job.refuse(reason);
  }

  #keep(client: string, jobs: Job[]): void {
    if (jobs.length === 0) this.#waiting.delete(client);
    else this.#waiting.set(client, jobs);
  }

  async #work(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let job = this.#take(); job !== null; job = this.#take()) await job.run();
    this.#isRunning = false;
  }

  /** The first job of the client whose turn it is, who then goes to the end. */
  #take(): Job | null {
    const next = this.#waiting.entries().next();
    if (next.done === true) return null;
    const [client, [job, ...rest]] = next.value;
    this.#waiting.delete(client);
    this.#keep(client, rest);
    this.#size -= 1;
    return job ?? null;
  }
}

function tooMany(): VaultError {
  return new VaultError("rate_limited", "too many passwords are being checked: try again later");
}

function left(): VaultError {
  return new VaultError("rate_limited", "the client has left");
}

/**
 * Computes password hashes one at a time: parallel ones would not be faster and would need more
 * memory. Clients take turns, so a client that sends many requests delays only its own. The number
 * waiting is bounded, per client and in total.
 */

import { VaultError } from "../../errors.ts";
import { HASHES_WAITING_MAX, HASHES_WAITING_PER_CLIENT_MAX } from "../../limits.ts";
import { networkOf } from "../../access/networks.ts";
import type { Client } from "../method.ts";

/** For hashes that no client waits for. */
export const NO_CLIENT: Client = { address: null, signal: null };

interface Job {
  readonly run: () => Promise<void>;
  readonly refuse: (reason: unknown) => void;
}

export class HashQueue {
  /** Jobs by client, in the order of turns. No list is empty. */
  readonly #waiting = new Map<string, Job[]>();
  readonly #refuseWork: () => void;
  #size = 0;
  #isRunning = false;

  /** `refuseWork` throws once no more work may be done. */
  constructor(refuseWork: () => void) {
    this.#refuseWork = refuseWork;
  }

  /**
   * Runs `work` in its turn and returns its result. Rejects with `rate_limited` if too many wait,
   * and with what `refuseWork` throws, now or when the turn comes. Drops the job if the client
   * disconnects.
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

  /** When full, the client with the most jobs gives up its last one to a client with fewer. */
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

  /** The first job of the next client, which then moves to the end. */
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

/**
 * A vault whose process is killed again and again, with the users it serves. They know only what they
 * were answered, and after each start they check that it still holds.
 */

import { cpSync, renameSync, rmSync } from "node:fs";
import { expect } from "vitest";
import {
  completeCeremony,
  dataOf,
  type Holdings,
  type Memory,
  newMemory,
  type Wish,
} from "./share_holders.ts";
import { expectRewrapped, expectSecrets } from "./vault_checks.ts";
import { fillMounts, initialise, OLD_SHARES, unseal, WRAPPED_MOUNT } from "./seeded_vaults.ts";
import { ON_NODE, type Program, type Server, startServer } from "./killable_server.ts";
import { Gone, type Json, type Send } from "./stored_vault.ts";

export interface Tally {
  kills: number;
  /** New shares turned out to be in force after a kill. */
  installed: number;
  /** An unfinished attempt was found and carried on. */
  resumed: number;
  /** An unfinished rewrap was found and went on. */
  rewrapping: number;
  /** A rekey without verification was in force, but its answer with the shares was lost. */
  lostAnswers: number;
}

const COUNTS = [OLD_SHARES, { shares: 4, threshold: 3 }] as const;
const POLL_MS = 5;
const WRITERS = 8;

export class KilledProcess {
  readonly tally: Tally = { kills: 0, installed: 0, resumed: 0, rewrapping: 0, lostAnswers: 0 };
  readonly #directory: string;
  readonly #program: Program;
  readonly #secrets = new Map<string, Json>();
  #server: Server | null = null;
  #token = "";
  #holdings: Holdings = { shares: [], threshold: 0 };
  /** The current ceremony, or the last one. */
  #wish: Wish | null = null;
  #memory: Memory = newMemory();

  constructor(directory: string, program: Program = ON_NODE) {
    this.#directory = directory;
    this.#program = program;
  }

  /** Creates a vault with `count` entries of `bytes` bytes in a seal-wrapped mount. */
  async fill(count: number, bytes: number): Promise<void> {
    this.#server = await startServer(this.#directory, this.#program);
    const { holdings, token } = await initialise(this.#send, "secret");
    if (holdings === null) throw new Error("the vault has no shares");
    this.#holdings = holdings;
    this.#token = token;
    await unseal(this.#send, holdings);
    for (const [path, value] of await fillMounts(this.#send)) this.#secrets.set(path, value);
    const indexes = Array.from({ length: count }, (_, index) => index).values();
    await Promise.all(Array.from({ length: WRITERS }, async () => {
      for (const index of indexes) {
        const value = { index, text: `${index % 10}`.repeat(bytes) };
        dataOf(await this.#send("PUT", `${WRAPPED_MOUNT}many/${index}`, value));
        this.#secrets.set(`${WRAPPED_MOUNT}many/${index}`, value);
      }
    }));
  }

  async kill(): Promise<void> {
    await this.#server?.kill();
    this.#server = null;
  }

  /** Starts the process again and checks that nothing is lost. */
  async comeBack(): Promise<void> {
    // Copied while nobody writes. It becomes the backup once the vault is found whole.
    const copy = `${this.#directory}.copy`;
    rmSync(copy, { recursive: true, force: true });
    cpSync(this.#directory, copy, { recursive: true });
    this.#server = await startServer(this.#directory, this.#program);
    const status = dataOf(await this.#send("GET", "sys/seal-status"));
    expect(status).toMatchObject({ initialized: true, sealed: true });
    const inForce = this.#sharesFor(status);
    if (inForce === null) return await this.#restore();
    if (inForce !== this.#holdings) {
      this.tally.installed += 1;
      this.#adopt(inForce);
    }
    await unseal(this.#send, this.#holdings);
    expect(dataOf(await this.#send("GET", "sys/seal-status"))["sealed"]).toBe(false);
    if (await this.#isRewrapping()) this.tally.rewrapping += 1;
    await expectSecrets(this.#send, this.#secrets);
    rmSync(this.#backup, { recursive: true, force: true });
    renameSync(copy, this.#backup);
  }

  /** Carries on with the interrupted ceremony, or begins a new one. */
  async rekey(requireVerification: boolean): Promise<void> {
    if (this.#wish !== null) this.tally.resumed += 1;
    else {
      const counts = COUNTS.find(({ shares }) => shares !== this.#holdings.shares.length);
      if (counts === undefined) throw new Error("no other counts");
      this.#wish = { path: "sys/rekey", ...counts, requireVerification };
    }
    const next = await completeCeremony(this.#send, this.#wish, this.#holdings, this.#memory);
    this.#adopt(next);
  }

  /** Resolves when the rewrap has ended without a failure. */
  async finishRewrap(): Promise<void> {
    while (await this.#isRewrapping()) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    await expectRewrapped(this.#send);
  }

  /** Kills the process `delayMs` into the work, or at its end. */
  async killDuring(delayMs: number, work: () => Promise<void>): Promise<void> {
    const killing = new Promise((resolve) => setTimeout(resolve, delayMs)).then(() => this.kill());
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
    } finally {
      await killing;
    }
    this.tally.kills += 1;
  }

  #send: Send = async (method, path, body) => {
    if (this.#server === null) throw new Gone("the process died");
    return await this.#server.send(method, path, body, this.#token);
  };

  async #isRewrapping(): Promise<boolean> {
    return dataOf(await this.#send("GET", "sys/sealwrap/rewrap"))["is_running"] === true;
  }

  #adopt(holdings: Holdings): void {
    this.#holdings = holdings;
    this.#wish = null;
    this.#memory = newMemory();
  }

  /** The shares that match the seal status; null if they were lost with an answer. */
  #sharesFor(status: Json): Holdings | null {
    const fits = (shares: number, threshold: number): boolean =>
      status["n"] === shares && status["t"] === threshold;
    if (fits(this.#holdings.shares.length, this.#holdings.threshold)) return this.#holdings;
    const wish = this.#wish;
    // Only a request that was sent can have put other shares in force.
    expect(this.#memory.install).toBe("in_flight");
    expect(wish !== null && fits(wish.shares, wish.threshold)).toBe(true);
    if (wish?.requireVerification === true) expect(this.#memory.next).not.toBeNull();
    return this.#memory.next;
  }

  get #backup(): string {
    return `${this.#directory}.backup`;
  }

  /** Restores the backup of the last start, as an operator would when nobody has the shares. */
  async #restore(): Promise<void> {
    this.tally.lostAnswers += 1;
    await this.kill();
    rmSync(this.#directory, { recursive: true });
    cpSync(this.#backup, this.#directory, { recursive: true });
    this.#wish = null;
    this.#memory = newMemory();
    await this.comeBack();
  }
}

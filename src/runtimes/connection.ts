/**
 * One accepted connection, as the HTTP parser of Node or Bun sees it: the socket's bytes through the
 * filter for LIST. Also what the server must know to stop in good order and to cut off who stalls.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { ListMethodFilter } from "./list_method.ts";

/** Longest time for a whole request to arrive, and for a connection to lie idle. */
const MESSAGE_MAX_MS = 300_000;
const IDLE_MAX_MS = 120_000;

export class Connection extends Duplex {
  readonly remoteAddress: string | null;
  /** Requests that are not answered yet, in the order of their arrival. */
  readonly running = new Set<IncomingMessage>();
  #isRefusing = false;
  #turn: Promise<void> = Promise.resolve();
  readonly #socket: Socket;
  readonly #filter = new ListMethodFilter();
  #messageStartedMs: number | null = null;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? null;
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("end", () => {
      const held = this.#filter.flush();
      if (held.length > 0) this.push(held);
      this.push(null);
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    // A client that goes away is no error of ours; without a listener it would end the process.
    this.on("error", () => {});
    socket.setTimeout(IDLE_MAX_MS, () => {
      if (this.running.size === 0) this.destroy();
    });
  }

  /** LIST would be refused on this connection from now on, or the parser has given up on it. */
  get mustClose(): boolean {
    return this.#filter.isOpaque || this.#isRefusing;
  }

  /**
   * Runs the work of one request after that of those before it: the effects of pipelined requests
   * come in their order, as their answers do.
   */
  async inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      await work();
    } finally {
      resolve();
    }
  }

  /**
   * The parser has given up. Whole requests before the bad bytes are still answered; the last of
   * these answers closes. False when there are none, or one that can never become whole.
   */
  finishRunning(): boolean {
    this.#isRefusing = true;
    return this.running.size > 0 && [...this.running].every((incoming) => incoming.complete);
  }

  get isStalled(): boolean {
    const startedMs = this.#messageStartedMs;
    return startedMs !== null && performance.now() - startedMs > MESSAGE_MAX_MS;
  }

  /** Part of what the HTTP servers expect of a socket; ours has timeouts of its own. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void) {
    this.#socket.write(chunk, done);
  }

  /** Head and body of an answer leave in one packet. */
  override _writev(
    parts: readonly { readonly chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    for (const [index, { chunk }] of parts.entries()) {
      if (index < parts.length - 1) this.#socket.write(chunk);
      else this.#socket.write(chunk, done);
    }
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Uint8Array): void {
    const bytes = this.#filter.push(chunk);
    this.#messageStartedMs = this.#filter.isMidMessage
      ? this.#messageStartedMs ?? performance.now()
      : null;
    if (bytes.length > 0 && !this.push(bytes)) this.#socket.pause();
  }
}

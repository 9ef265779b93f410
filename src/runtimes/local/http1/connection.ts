/**
 * One accepted connection: reads a request, has it handled, sends the response, and repeats.
 * Whatever the client does, every state has a deadline, except the application's own work.
 */

import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { DRAIN_MAX_BYTES } from "../../../limits.ts";
import { pathOfTarget } from "../../raw_target.ts";
import type { Handler } from "../server.ts";
import { type AnswerForm, encodeAnswer, toRequest } from "./messages.ts";
import { type Refusal, refusalResponse } from "./refusal.ts";
import { type ReceivedRequest, RequestReader } from "./request_reader.ts";
import type { Transfers } from "./transfers.ts";

export interface ConnectionTimes {
  readonly headMs: number;
  readonly stallMs: number;
  readonly idleMs: number;
}

export interface ConnectionPorts {
  /** Never rejects. */
  readonly handler: Handler;
  /** Called when a response could not be made or sent. */
  readonly onFault: (error: unknown) => void;
  readonly transfers: Transfers;
  readonly times: ConnectionTimes;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly isStopping: () => boolean;
}

type State = "idle" | "head" | "body" | "answering" | "sending" | "draining";

/** Bytes per write. A client that stops reading is noticed between writes. */
const PIECE_BYTES = 64 * 1024;
const NEVER = Number.POSITIVE_INFINITY;

export class Connection {
  readonly peerAddress: string | null;
  readonly #socket: Socket;
  readonly #ports: ConnectionPorts;
  readonly #reader: RequestReader;
  #state: State = "idle";
  #deadlineMs: number;
  /** The client has ended its side. */
  #hasEnded = false;
  #isGone = false;
  #gone: AbortController | null = null;
  /** Why the incoming request was given up. */
  #givenUp: Refusal | null = null;
  #drainedBytes = 0;
  /** Ends the current wait. */
  #wake: () => void = () => {};

  constructor(socket: Socket, ports: ConnectionPorts) {
    this.#socket = socket;
    this.#ports = ports;
    this.peerAddress = socket.remoteAddress ?? null;
    this.#reader = new RequestReader(() => ports.transfers.open(() => this.#giveUp("crowded")));
    this.#deadlineMs = ports.nowMs() + ports.times.idleMs;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("end", () => {
      this.#hasEnded = true;
      this.#gone?.abort();
      if (this.#state === "draining") this.destroy();
      else this.#wakeReader();
    });
    // A client that disconnects is not an error; "close" follows.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#isGone = true;
      this.#gone?.abort();
      this.#wake();
    });
  }

  /**
   * Aborted when the client closes the connection or its own side of it. As in Go, that means it no
   * longer waits for the response. Created on first use.
   */
  get gone(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#isGone || this.#hasEnded) this.#gone.abort();
    return this.#gone.signal;
  }

  /** Closing now costs the client only a connection. */
  get isWaiting(): boolean {
    return this.#state === "idle" || this.#state === "head" || this.#state === "draining";
  }

  /** Closing now would lose a request that has not reached the application. */
  get isReceiving(): boolean {
    return this.#state === "body";
  }

  /** Serves until the connection ends. Never rejects. */
  async run(): Promise<void> {
    try {
      let goesOn = true;
      while (goesOn) {
        goesOn = await this.#serveNext();
        // Let other connections run before this client's pipelined requests.
        if (goesOn && this.#reader.hasInput) await setImmediate();
      }
    } catch (error) {
      this.#ports.onFault(error);
      this.destroy();
    } finally {
      this.#reader.close();
    }
  }

  /** Ends a state that has passed its deadline. Call periodically. */
  checkTime(nowMs: number): void {
    if (nowMs < this.#deadlineMs) return;
    if (this.#state === "head" || this.#state === "body") this.#giveUp("too-slow");
    else this.destroy();
  }

  destroy(): void {
    this.#isGone = true;
    this.#socket.destroy();
    this.#wake();
  }

  #giveUp(refusal: Refusal): void {
    if (this.#state !== "head" && this.#state !== "body") return this.destroy();
    this.#givenUp ??= refusal;
    this.#reader.close();
    this.#wakeReader();
  }

  /** False if nothing more is read from this connection. */
  async #serveNext(): Promise<boolean> {
    const outcome = await this.#read();
    if (outcome === null) {
      this.#drain();
      return false;
    }
    if (typeof outcome === "string") {
      const form = { method: null, isHttp10: false, keepsAlive: false };
      this.#enter("answering");
      await this.#send(await encodeAnswer(refusalResponse(outcome), form));
      this.#drain();
      return false;
    }
    return await this.#answer(outcome);
  }

  /** Null if nothing more is coming. */
  async #read(): Promise<ReceivedRequest | Refusal | null> {
    for (;;) {
      if (this.#givenUp !== null) return this.#givenUp;
      const outcome = this.#reader.next();
      if (outcome.kind === "request") return outcome.request;
      if (outcome.kind === "refused") return outcome.refusal;
      const { phase } = this.#reader;
      if (this.#isGone) return null;
      if (outcome.kind === "continue") this.#socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (this.#hasEnded) return phase === "idle" ? null : "cut-off";
      if (phase !== this.#state || phase === "body") this.#enter(phase);
      await this.#wait(() => this.#socket.resume());
    }
  }

  async #answer(received: ReceivedRequest): Promise<boolean> {
    const { method, isHttp10 } = received.head;
    this.#enter("answering");
    const response = await this.#handle(received);
    const keepsAlive = received.head.keepsAlive && received.body !== null &&
      !this.#ports.isStopping();
    const form: AnswerForm = { method, isHttp10, keepsAlive };
    const isSent = await this.#send(await encodeAnswer(response, form));
    if (isSent && !keepsAlive) this.#drain();
    return isSent && keepsAlive;
  }

  async #handle({ head, body, transfer }: ReceivedRequest): Promise<Response> {
    const rawTarget = pathOfTarget(head.target);
    const gone = (): AbortSignal => this.gone;
    const env = {
      rawTarget,
      peerAddress: this.peerAddress,
      get signal() {
        return gone();
      },
    };
    try {
      return await this.#ports.handler(toRequest(head, rawTarget, body), env);
    } finally {
      transfer.close();
    }
  }

  /** False if the client disconnected or read too slowly. */
  async #send(bytes: Buffer): Promise<boolean> {
    const transfer = this.#ports.transfers.open(() => this.destroy());
    try {
      for (let at = 0; at < bytes.length && !this.#isGone; at += PIECE_BYTES) {
        transfer.insist(bytes.length - at);
        this.#enter("sending");
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        await this.#wait((done) => this.#socket.write(piece, done));
      }
    } finally {
      transfer.close();
    }
    return !this.#isGone;
  }

  /** Ends this side and drops further input, so that a client still sending gets the response. */
  #drain(): void {
    if (this.#isGone) return;
    this.#enter("draining");
    this.#socket.end(() => {
      if (this.#hasEnded) this.destroy();
    });
    this.#socket.resume();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state === "draining") {
      this.#drainedBytes += chunk.length;
      if (this.#drainedBytes > DRAIN_MAX_BYTES) this.destroy();
      else this.#enter("draining");
      return;
    }
    if (this.#givenUp !== null) return;
    this.#reader.push(chunk);
    // Pipelined input stays with the operating system until its turn.
    if (this.#state === "answering" || this.#state === "sending") this.#socket.pause();
    else this.#wakeReader();
  }

  /** Ends a wait for input, but not one for the application or the operating system. */
  #wakeReader(): void {
    if (this.isWaiting || this.isReceiving) this.#wake();
  }

  #enter(state: State): void {
    this.#state = state;
    this.#deadlineMs = this.#ports.nowMs() + this.#maxMs(state);
  }

  #maxMs(state: State): number {
    const { headMs, stallMs, idleMs } = this.#ports.times;
    switch (state) {
      case "idle":
        return idleMs;
      case "head":
        return headMs;
      case "body":
      case "sending":
      case "draining":
        return stallMs;
      case "answering":
        return NEVER;
    }
  }

  /** Waits for `done`, the end of the connection, or, while reading, new input. */
  #wait(begin: (done: () => void) => void): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    begin(resolve);
    return promise;
  }
}

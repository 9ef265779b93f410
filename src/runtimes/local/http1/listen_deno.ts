/**
 * Accepts connections on Deno, one at a time. Deno's `node:net` accepts them unasked, and once out
 * of descriptors it silently stops accepting for good.
 */

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { messageOf } from "../../../errors.ts";
import type { Listen, Listening, ListenOptions } from "./listen.ts";
import { SOCKET_READ_MAX_BYTES, SOCKET_READ_MIN_BYTES } from "../../../limits.ts";

/** The part of Deno's API used here. */
declare const Deno: {
  listen(options: { readonly hostname: string; readonly port: number }): DenoListener;
};

interface DenoListener {
  accept(): Promise<DenoConnection>;
  close(): void;
}

interface DenoConnection {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** Number of bytes read; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  setNoDelay(isOn: boolean): void;
}

/** Delay after a failed accept, for example when all descriptors are in use. */
const RETRY_MS = 100;

export const listenOnDeno: Listen = (options) => {
  const listener = Deno.listen({ hostname: options.hostname, port: options.port });
  let isClosed = false;
  const listening: Listening = {
    close: () => {
      isClosed = true;
      listener.close();
      return Promise.resolve();
    },
  };
  void acceptAll(listener, options, () => isClosed);
  return Promise.resolve(listening);
};

async function acceptAll(
  listener: DenoListener,
  { accept, log }: ListenOptions,
  isClosed: () => boolean,
): Promise<void> {
  let isFailing = false;
  while (!isClosed()) {
    try {
      const isFull = accept(new DenoSocket(await listener.accept()) as unknown as Socket);
      isFailing = false;
      // The evicted connection closes in the next turn; until then its descriptor is in use.
      if (isFull) await delay(0);
    } catch (error) {
      if (isClosed()) return;
      if (!isFailing) {
        const reason = messageOf(error);
        log.warn("connections cannot be accepted, it will be tried again", { reason });
      }
      isFailing = true;
      await delay(RETRY_MS);
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The part of `Socket` that the server uses. */
class DenoSocket extends Duplex {
  readonly remoteAddress: string;
  readonly #connection: DenoConnection;
  #readBytes = SOCKET_READ_MIN_BYTES;

  constructor(connection: DenoConnection) {
    super({ allowHalfOpen: true, emitClose: true });
    this.#connection = connection;
    this.remoteAddress = connection.remoteAddr.hostname;
  }

  setNoDelay(isOn: boolean): this {
    try {
      this.#connection.setNoDelay(isOn);
    } catch {
      // The client has disconnected; reading will report it.
    }
    return this;
  }

  override _read(): void {
    const bytes = Buffer.allocUnsafeSlow(this.#readBytes);
    this.#connection.read(bytes).then(
      (length) => {
        this.#readBytes = length === bytes.length ? SOCKET_READ_MAX_BYTES : SOCKET_READ_MIN_BYTES;
        this.push(length === null ? null : bytes.subarray(0, length));
      },
      (error: Error) => this.destroy(error),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void) {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    try {
      this.#connection.close();
    } catch {
      // Already closed.
    }
    done(error);
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let sent = 0; sent < chunk.length;) {
      sent += await this.#connection.write(chunk.subarray(sent));
    }
  }
}

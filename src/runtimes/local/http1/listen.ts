/** Accepts connections on Node and Bun. */

import { createServer, type Socket } from "node:net";
import type { Log } from "../../../log.ts";

export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly log: Log;
  /** Returns true if every place was already taken. */
  readonly accept: (socket: Socket) => boolean;
}

export interface Listening {
  /** Stops accepting. Resolves when all connections have ended, if the runtime tracks them. */
  close(): Promise<void>;
}

/** Rejects if it cannot listen, with a message safe to show. */
export type Listen = (options: ListenOptions) => Promise<Listening>;

export const listenOnNode: Listen = ({ hostname, port, log, accept }) =>
  new Promise((resolve, reject) => {
    const listener = createServer({ allowHalfOpen: true }, accept);
    listener.once("error", reject);
    listener.listen({ host: hostname, port }, () => {
      listener.off("error", reject);
      listener.on("error", (error) => {
        log.warn("a connection could not be accepted", { reason: error.message });
      });
      resolve({ close: () => new Promise((done) => listener.close(() => done())) });
    });
  });

/**
 * The port of a local HTTP server: what each runtime's entry file brings, and `local.ts` uses.
 */

import type { Log } from "../log.ts";
import type { RequestEnv } from "./raw_target.ts";

export type Handler = (request: Request, env: RequestEnv) => Response | Promise<Response>;

export interface ServerOptions {
  readonly hostname: string;
  readonly port: number;
  /** PEM texts; null for plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly handler: Handler;
  readonly log: Log;
}

export interface Server {
  /** Accepts no more, lets running requests end for at most `STOP_GRACE_MS`, then closes. */
  stop(): Promise<void>;
}

/** Rejects when it cannot listen, with a message that may be shown. */
export type StartServer = (options: ServerOptions) => Promise<Server>;

/** Supervisors commonly send SIGKILL some seconds after SIGTERM; the store is closed before. */
export const STOP_GRACE_MS = 2000;

/**
 * How much of a body that nobody wants any more is read and dropped, so that a client that is still
 * sending gets to the answer; beyond it the connection is cut.
 */
export const DRAIN_MAX_BYTES = 64 * 1024 * 1024;

/** The port of a local HTTP server: what `http1/` offers, and `local.ts` uses. */

import type { Log } from "../../log.ts";
import type { RequestEnv } from "../raw_target.ts";

export type Handler = (request: Request, env: RequestEnv) => Response | Promise<Response>;

/** PEM texts. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface ServerOptions {
  readonly hostname: string;
  readonly port: number;
  /** Null for plain HTTP. */
  readonly tls: TlsIdentity | null;
  readonly handler: Handler;
  readonly log: Log;
  readonly bounds: ServerBounds;
}

/** What the server lets its clients have; see `limits.ts`. */
export interface ServerBounds {
  readonly connections: number;
  readonly transfersBytes: number;
  readonly headMs: number;
  readonly stallMs: number;
  readonly idleMs: number;
}

export interface Server {
  /** Accepts no more, lets running requests end for at most `STOP_GRACE_MS`, then closes. */
  stop(): Promise<void>;
}

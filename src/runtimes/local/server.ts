/** The port of the local HTTP server: `http1/` implements it, `local.ts` uses it. */

import type { Log } from "../../log.ts";
import type { RequestEnv } from "../raw_target.ts";

export type Handler = (request: Request, env: RequestEnv) => Response | Promise<Response>;

/** PEM text. */
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

/** What the server allows its clients; see `limits.ts`. */
export interface ServerBounds {
  readonly connections: number;
  readonly transfersBytes: number;
  readonly headMs: number;
  readonly stallMs: number;
  readonly idleMs: number;
}

export interface Server {
  /** Stops accepting, gives running requests at most `STOP_GRACE_MS` to end, then closes. */
  stop(): Promise<void>;
}

/**
 * Starts the vault on Deno, whose own server takes the method LIST as it is and puts the request
 * target unchanged into `Request.url`.
 */

import { startLocal } from "./local.ts";
import { targetOfJoinedUrl } from "./raw_target.ts";
import { type Server, type ServerOptions, STOP_GRACE_MS } from "./server.ts";

/** The part of Deno's API that is used here. */
declare const Deno: {
  serve(options: ServeOptions, handler: DenoHandler): DenoServer;
};

interface ServeOptions {
  readonly hostname: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  readonly onListen: () => void;
  readonly onError: (error: unknown) => Response;
}

interface DenoServer {
  shutdown(): Promise<void>;
}

type DenoHandler = (
  request: Request,
  info: { readonly remoteAddr: { readonly hostname?: string } },
) => Promise<Response>;

async function startDenoServer(options: ServerOptions): Promise<Server> {
  const { hostname, port, tls, handler, log } = options;
  const server = Deno.serve({
    hostname,
    port,
    ...tls,
    onListen: () => {},
    onError: (error) => {
      log.error("a request failed", { reason: error instanceof Error ? error.message : "unknown" });
      return Response.json({ errors: ["internal error"] }, { status: 500 });
    },
  }, async (request, info) => {
    return await handler(request, {
      rawTarget: targetOfJoinedUrl(request.url, request.headers.get("host")),
      peerAddress: info.remoteAddr.hostname ?? null,
    });
  });
  return {
    stop: async () => {
      const grace = new Promise<void>((resolve) => setTimeout(resolve, STOP_GRACE_MS));
      await Promise.race([server.shutdown(), grace]);
    },
  };
}

await startLocal("deno", startDenoServer);

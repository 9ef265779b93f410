/**
 * The HTTP/1.1 server for Deno, Node and Bun, over `node:net` and `node:tls`. Their own servers
 * differ in what they refuse, lose LIST or the original target, and Deno's has no timeouts. Here a
 * connection holds one place, for no longer than the bounds allow.
 */

import type { Socket } from "node:net";
import { messageOf } from "../../../errors.ts";
import { CONNECTION_CHECK_MAX_MS, STOP_GRACE_MS } from "../../../limits.ts";
import { errorResponse } from "../../error_response.ts";
import type { Handler, Server, ServerOptions } from "../server.ts";
import { Connection, type ConnectionPorts } from "./connection.ts";
import type { Listen } from "./listen.ts";
import { Places } from "./places.ts";
import { createTlsAcceptance } from "./tls.ts";
import { Transfers } from "./transfers.ts";

const CHECKS_IN_SHORTEST_TIME = 10;

/** Rejects if it cannot listen, with a message safe to show. */
export async function startServer(options: ServerOptions, listen: Listen): Promise<Server> {
  const { bounds, log, tls } = options;
  const nowMs = (): number => performance.now();
  const places = new Places(bounds.connections);
  let isStopping = false;
  const ports: ConnectionPorts = {
    handler: guarded(options),
    onFault: (error) => log.error("a response could not be sent", { reason: messageOf(error) }),
    transfers: new Transfers(bounds.transfersBytes),
    times: bounds,
    nowMs,
    isStopping: () => isStopping,
  };
  const serve = (socket: Socket): void => {
    const connection = new Connection(socket, ports);
    socket.on("close", () => places.leave(connection));
    if (isStopping || !places.take(connection)) connection.destroy();
    else void connection.run();
  };
  const admit = tls === null
    ? serve
    : createTlsAcceptance(tls, { places, handshakeMs: bounds.headMs, nowMs, serve });
  const accept = (socket: Socket): boolean => {
    const isFull = places.all.size >= bounds.connections;
    admit(socket);
    return isFull;
  };
  const { hostname, port } = options;
  const listening = await listen({ hostname, port, log, accept });

  const shortestMs = Math.min(bounds.headMs, bounds.stallMs, bounds.idleMs);
  const check = setInterval(() => {
    for (const occupant of [...places.all]) occupant.checkTime(nowMs());
  }, Math.min(CONNECTION_CHECK_MAX_MS, shortestMs / CHECKS_IN_SHORTEST_TIME));
  return {
    stop: async () => {
      isStopping = true;
      const closed = listening.close();
      for (const occupant of [...places.all]) if (occupant.isWaiting) occupant.destroy();
      const cut = setTimeout(() => {
        for (const occupant of [...places.all]) occupant.destroy();
      }, STOP_GRACE_MS);
      await places.areFree();
      await closed;
      clearTimeout(cut);
      clearInterval(check);
    },
  };
}

/** Logs an error of the application and answers 500. */
function guarded({ handler, log }: ServerOptions): Handler {
  return async (request, env) => {
    try {
      return await handler(request, env);
    } catch (error) {
      log.error("a request failed", { reason: messageOf(error) });
      return errorResponse(500, ["internal error"]);
    }
  };
}

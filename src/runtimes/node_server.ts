/**
 * The HTTP server of Node and of Bun, over `node:http`, which keeps the raw request target on both
 * (`Bun.serve` does not, and drops connections that send LIST). Every connection passes the filter
 * for LIST; TLS ends before it.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Connection } from "./connection.ts";
import { drain, sendResponse, toRequest } from "./node_messages.ts";
import { pathOfTarget } from "./raw_target.ts";
import { type Server, type ServerOptions, STOP_GRACE_MS } from "./server.ts";

const STALLED_CHECK_MS = 10_000;

/** See `StartServer`. */
export async function startNodeServer(options: ServerOptions): Promise<Server> {
  const connections = new Set<Connection>();
  let isStopping = false;

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const connection = incoming.socket as unknown as Connection;
    connection.running.add(incoming);
    outgoing.on("close", () => {
      connection.running.delete(incoming);
      if (isStopping && connection.running.size === 0) connection.end();
    });
    await connection.inTurn(async () => {
      const response = await answer(incoming, connection, options);
      const isLast = connection.running.size === 1;
      if (isLast && (isStopping || connection.mustClose)) outgoing.setHeader("connection", "close");
      await sendResponse(response, outgoing);
      drain(incoming);
    });
  };
  const parser = createServer({ keepAliveTimeout: 0 }, (incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : "unknown";
      options.log.error("a response could not be sent", { reason });
      incoming.socket.destroy();
    });
  });
  parser.on("clientError", refuseMalformed);

  const accept = (socket: Socket): void => {
    const connection = new Connection(socket);
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    parser.emit("connection", connection);
  };
  const listener = options.tls === null
    ? createTcpServer({ allowHalfOpen: true, noDelay: true }, accept)
    : createTlsServer({ allowHalfOpen: true, noDelay: true, ...options.tls }, accept);
  // A failed handshake concerns the client alone.
  listener.on("tlsClientError", () => {});
  await listen(listener, options);

  const stalledCheck = setInterval(() => {
    for (const connection of connections) if (connection.isStalled) connection.destroy();
  }, STALLED_CHECK_MS);
  return {
    stop: async () => {
      isStopping = true;
      clearInterval(stalledCheck);
      const closed = new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const connection of connections) if (connection.running.size === 0) connection.end();
      const cut = setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, STOP_GRACE_MS);
      await closed;
      clearTimeout(cut);
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  connection: Connection,
  { handler, log }: ServerOptions,
): Promise<Response> {
  let request: Request;
  try {
    request = toRequest(incoming);
  } catch {
    return Response.json({ errors: ["malformed request"] }, { status: 400 });
  }
  try {
    const rawTarget = pathOfTarget(incoming.url ?? "/");
    return await handler(request, { rawTarget, peerAddress: connection.remoteAddress });
  } catch (error) {
    log.error("a request failed", { reason: error instanceof Error ? error.message : "unknown" });
    return Response.json({ errors: ["internal error"] }, { status: 500 });
  }
}

function listen(listener: TcpServer, { hostname, port }: ServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ host: hostname, port }, () => {
      listener.off("error", reject);
      resolve();
    });
  });
}

/** What the parser refuses, answered in the API's own shape where an answer cannot get mixed up. */
function refuseMalformed(error: Error & { code?: string }, socket: unknown): void {
  const connection = socket as Connection;
  if (connection.finishRunning()) return;
  if (!connection.writable || connection.running.size > 0) {
    connection.destroy();
    return;
  }
  const [status, body] = refusal(error.code);
  connection.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nCache-Control: no-store\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
}

function refusal(code: string | undefined): readonly [status: string, body: string] {
  switch (code) {
    case "HPE_INVALID_METHOD":
      return ["405 Method Not Allowed", '{"errors":[]}'];
    case "HPE_HEADER_OVERFLOW":
      return ["431 Request Header Fields Too Large", '{"errors":["request headers too large"]}'];
    default:
      return ["400 Bad Request", '{"errors":["malformed request"]}'];
  }
}

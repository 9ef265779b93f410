/**
 * A program for Deno, Node and Bun: the product's server, with bounds given as its first argument, and an
 * application that reports what it received. It prints its port on the first line.
 */

import { createServer } from "node:net";
import process from "node:process";
import { createLog } from "../../src/log.ts";
import { type Listen, listenOnNode } from "../../src/runtimes/local/http1/listen.ts";
import { listenOnDeno } from "../../src/runtimes/local/http1/listen_deno.ts";
import { startServer } from "../../src/runtimes/local/http1/server.ts";
import type { Handler, ServerBounds, TlsIdentity } from "../../src/runtimes/local/server.ts";

interface Given {
  readonly bounds: ServerBounds;
  readonly tls: TlsIdentity | null;
}

const { bounds, tls } = JSON.parse(process.argv[2] ?? "") as Given;
const log = createLog({
  level: "warn",
  write: (line) => process.stderr.write(`${line}\n`),
  style: "text",
  nowMs: Date.now,
});
let served = 0;
/** Bytes that the server was given to read, over all connections. */
let received = 0;
let held = Promise.withResolvers<void>();

const handler: Handler = async (request, { rawTarget }) => {
  served += 1;
  if (rawTarget === "/served") return Response.json({ served });
  if (rawTarget === "/received") return Response.json({ received });
  const body = await request.text();
  if (rawTarget === "/hold") {
    log.warn("holding");
    await held.promise;
  }
  if (rawTarget === "/release") {
    held.resolve();
    held = Promise.withResolvers<void>();
  }
  if (rawTarget === "/throw") throw new Error("secret");
  if (rawTarget === "/large") return new Response("x".repeat(bounds.transfersBytes));
  if (rawTarget === "/empty") return new Response(null, { status: 204 });
  const { pathname } = new URL(request.url);
  const headers = [...request.headers].length;
  return Response.json({ method: request.method, rawTarget, pathname, body, headers });
};

const port = await new Promise<number>((resolve) => {
  const probe = createServer();
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" ? address?.port ?? 0 : 0));
  });
});
const listenHere = "Deno" in globalThis ? listenOnDeno : listenOnNode;
const listen: Listen = (options) =>
  listenHere({
    ...options,
    accept(socket) {
      const isFull = options.accept(socket);
      socket.on("data", (chunk) => received += chunk.length);
      return isFull;
    },
  });
const server = await startServer(
  { hostname: "127.0.0.1", port, tls, handler, log, bounds },
  listen,
);
process.on("SIGTERM", () => {
  server.stop().then(() => process.exit(0));
});
process.stdout.write(`${port}\n`);

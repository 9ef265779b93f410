/**
 * Test helper: a wire tap between clients and a spawned server. Passes every byte on unchanged in both
 * directions and records the exchanges, so a client sees the server's own HTTP, LIST included.
 */

import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Exchange } from "./exchange.ts";

export interface Tap {
  readonly port: number;
  /** Cuts open connections. */
  close(): Promise<void>;
}

/** `witnessed` is called with each exchange of a connection when the connection ends. */
export async function startTap(
  port: number,
  witnessed: (exchange: Exchange) => void,
): Promise<Tap> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const sent: Buffer[] = [];
    const received: Buffer[] = [];
    client.on("data", (chunk: Buffer) => sent.push(chunk)).pipe(upstream);
    upstream.on("data", (chunk: Buffer) => received.push(chunk)).pipe(client);
    let open = 2;
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(socket);
      // If one side goes, a killed server or a client that gave up, the other is closed too.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroySoon();
        open -= 1;
        if (open === 0) {
          exchangesOf(Buffer.concat(sent), Buffer.concat(received)).forEach(witnessed);
        }
      });
    }
  });
  const closed = Promise.withResolvers<void>();
  await listening(server);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    close: async () => {
      const ends = [...sockets].map((socket) =>
        new Promise((resolve) => socket.once("close", resolve).destroy())
      );
      server.close(() => closed.resolve());
      await Promise.all(ends);
      await closed.promise;
    },
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
}

interface Message {
  readonly start: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Pairs requests with their answers, which are in the same order. */
export function exchangesOf(sent: Buffer, received: Buffer): readonly Exchange[] {
  const answers = [...messagesOf(received, true)].filter(({ start }) => !/^\S+ 1\d\d/.test(start));
  return [...messagesOf(sent, false)].map(({ start, headers, body }, index): Exchange => {
    const [method = "", target = ""] = start.split(" ");
    return { method, target, headers, sent: body, received: answers[index]?.body ?? "" };
  });
}

const HEAD_END = "\r\n\r\n";

/** Complete and cut messages. No client of a tap sends HEAD, whose answer would have no body. */
function* messagesOf(bytes: Buffer, isAnswer: boolean): Generator<Message> {
  for (let at = 0; at < bytes.length;) {
    const headEnd = bytes.indexOf(HEAD_END, at);
    if (headEnd === -1) return;
    const [start = "", ...lines] = bytes.toString("latin1", at, headEnd).split("\r\n");
    const headers = lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    const { body, end } = bodyOf(bytes, headEnd + HEAD_END.length, new Map(headers), isAnswer);
    yield { start, headers, body };
    at = end;
  }
}

function bodyOf(
  bytes: Buffer,
  at: number,
  headers: ReadonlyMap<string, string>,
  isAnswer: boolean,
): { readonly body: string; readonly end: number } {
  const encoding = headers.get("content-encoding");
  if (/chunked/i.test(headers.get("transfer-encoding") ?? "")) {
    const chunks: Buffer[] = [];
    for (let end = at;;) {
      const lineEnd = bytes.indexOf("\r\n", end);
      const size = lineEnd === -1 ? 0 : parseInt(bytes.toString("latin1", end, lineEnd), 16) || 0;
      if (size === 0) {
        const last = bytes.indexOf(HEAD_END, end);
        return {
          body: decompressed(Buffer.concat(chunks), encoding),
          end: last === -1 ? bytes.length : last + HEAD_END.length,
        };
      }
      chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
      end = lineEnd + 2 + size + 2;
    }
  }
  const length = headers.get("content-length");
  const isToTheEnd = isAnswer && length === undefined && headers.get("connection") === "close";
  const end = isToTheEnd ? bytes.length : at + Number(length ?? 0);
  return { body: decompressed(bytes.subarray(at, end), encoding), end };
}

function decompressed(bytes: Buffer, encoding: string | undefined): string {
  try {
    if (encoding === "gzip") return gunzipSync(bytes).toString();
    if (encoding === "br") return brotliDecompressSync(bytes).toString();
    if (encoding === "deflate") return inflateSync(bytes).toString();
  } catch {
    // The connection was cut.
  }
  return bytes.toString();
}

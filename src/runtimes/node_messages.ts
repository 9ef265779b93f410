/**
 * Between the messages of `node:http` and the web's `Request` and `Response`. Bodies are streamed in,
 * never gathered: the application bounds them. Answers are small and sent whole.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { STAND_INS } from "./list_method.ts";
import { pathOfTarget } from "./raw_target.ts";
import { DRAIN_MAX_BYTES } from "./server.ts";

/** `Request.url` needs an authority; nobody may read the Host header out of it. */
const ORIGIN = "http://vault.invalid";

/** Throws TypeError when a header is not valid. */
export function toRequest(incoming: IncomingMessage): Request {
  const headers = new Headers();
  const raw = incoming.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i] ?? "", raw[i + 1] ?? "");
  const sent = incoming.method ?? "";
  const method = STAND_INS.get(sent) ?? sent;
  const path = pathOfTarget(incoming.url ?? "/");
  const url = new URL(ORIGIN + (path.startsWith("/") ? path : `/${path}`));
  const hasNoBody = method === "GET" || method === "HEAD" || !hasBody(incoming);
  const body = hasNoBody ? {} : { body: toBody(incoming), duplex: "half" };
  const request = new Request(url, { method, headers, ...body } as RequestInit);
  // Bun turns a method it does not know into GET.
  return request.method === method
    ? request
    : Object.defineProperty(request, "method", { value: method });
}

function hasBody(incoming: IncomingMessage): boolean {
  const length = incoming.headers["content-length"];
  return incoming.headers["transfer-encoding"] !== undefined ||
    (length !== undefined && length !== "0");
}

function toBody(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let isDone = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      incoming.pause();
      incoming.on("data", (chunk: Uint8Array) => {
        if (isDone) return;
        controller.enqueue(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
      });
      incoming.on("end", () => {
        if (!isDone) controller.close();
        isDone = true;
      });
      const fail = (): void => {
        if (!isDone) controller.error(new TypeError("the request body was cut off"));
        isDone = true;
      };
      incoming.on("error", fail);
      incoming.on("close", fail);
    },
    pull() {
      incoming.resume();
    },
    cancel() {
      isDone = true;
    },
  });
}

/** Sends the whole answer; resolves when it is handed to the connection. */
export async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  const allowsBody = response.status !== 204 && response.status !== 304;
  if (allowsBody && !outgoing.hasHeader("content-length")) {
    outgoing.setHeader("content-length", body.length);
  }
  outgoing.end(allowsBody ? body : undefined);
}

/** Reads what the application left of the body and drops it; see `DRAIN_MAX_BYTES`. */
export function drain(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  let dropped = 0;
  incoming.removeAllListeners("data");
  incoming.on("data", (chunk: Uint8Array) => {
    dropped += chunk.length;
    if (dropped > DRAIN_MAX_BYTES) incoming.socket.destroy();
  });
  incoming.resume();
}

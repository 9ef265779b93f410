/**
 * For platforms that close the connection if a request's body was not read to its end: a client
 * still sending would lose the response. The application sees the same request. Whatever it leaves
 * of the body is read and dropped afterwards.
 */

import { DRAIN_MAX_BYTES } from "../../limits.ts";

export interface DrainedRequest {
  readonly request: Request;
  /** Await before returning the response. Drops about `DRAIN_MAX_BYTES` at most. */
  drain(): Promise<void>;
}

export function drainedRequest(request: Request): DrainedRequest {
  if (request.body === null) return { request, drain: () => Promise.resolve() };
  const source = request.body.getReader();
  // workerd allows one read at a time, and the application may have left one pending.
  let last: Promise<unknown> = Promise.resolve();
  const read = (): ReturnType<typeof source.read> => {
    const next = last.then(() => source.read());
    last = next.catch(() => {});
    return next;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const { method, headers } = request;
  // `Request` allows no body with these two, which may arrive with a length of zero.
  const takesBody = method !== "GET" && method !== "HEAD";
  const init = { method, headers, ...(takesBody ? { body, duplex: "half" } : {}) };
  const drain = async (): Promise<void> => {
    try {
      for (let dropped = 0; dropped <= DRAIN_MAX_BYTES;) {
        const { done, value } = await read();
        if (done) return;
        dropped += value.length;
      }
    } catch {
      // The client has disconnected and does not wait for the response.
    }
  };
  return { request: new Request(request.url, init as RequestInit), drain };
}

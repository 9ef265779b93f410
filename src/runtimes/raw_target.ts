/**
 * The request target as the client sent it. `Request.url` is a WHATWG URL: dot segments are gone,
 * `\` is `/`, `%2e` is `.`. Policies are matched on what was sent, so the servers pass it along.
 */

/** Second argument of `app.fetch`. */
export interface RequestEnv {
  /** Path and query as sent, beginning with "/" (or "*"); absent where the platform hides it. */
  readonly rawTarget?: string;
  /** Address of the peer; null when the server cannot tell. */
  readonly peerAddress: string | null;
  /** Aborted when the client has left; absent where the platform does not tell. */
  readonly signal?: AbortSignal;
}

/** `Request.url` needs an authority; nobody may read the Host header out of it. */
const ORIGIN = "http://vault.invalid";
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/** Takes the authority off a target in absolute form (RFC 9112 section 3.2.2). */
export function pathOfTarget(target: string): string {
  const path = target.replace(ABSOLUTE_FORM, "");
  return path === "" || path.startsWith("?") ? `/${path}` : path;
}

/**
 * The target out of a URL made by putting scheme, Host header and target together unchanged, as
 * workerd does. The header may hold anything, a "/" too.
 */
export function targetOfJoinedUrl(url: string, host: string | null): string {
  const schemeEnd = url.indexOf("://") + 3;
  if (host !== null && host !== "" && url.startsWith(host, schemeEnd)) {
    const target = url.slice(schemeEnd + host.length);
    if (target.startsWith("/")) return target;
  }
  return pathOfTarget(url);
}

export interface RequestParts {
  readonly method: string;
  /** Without an authority. */
  readonly target: string;
  readonly headers: Headers;
  /** Dropped with GET and HEAD, where `Request` allows none. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

/** A request for the application, whose URL no header has a part in. */
export function originalRequest({ method, target, headers, body }: RequestParts): Request {
  const url = ORIGIN + (target.startsWith("/") ? target : `/${target}`);
  const takesBody = method !== "GET" && method !== "HEAD" && body !== null;
  const init = { method, headers, ...(takesBody ? { body, duplex: "half" } : {}) };
  const request = new Request(url, init as RequestInit);
  // Bun turns a method it does not know into GET, and all runtimes write "get" in upper case.
  return request.method === method
    ? request
    : Object.defineProperty(request, "method", { value: method });
}

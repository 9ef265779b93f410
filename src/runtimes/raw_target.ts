/**
 * The request target as the client sent it. `Request.url` is a WHATWG URL: it drops dot segments
 * and turns `\` into `/` and `%2e` into `.`. Policies match the original, so servers pass it along.
 */

/** Second argument of `app.fetch`. */
export interface RequestEnv {
  /** Path and query as sent, starting with "/" (or "*"). Absent if the platform hides it. */
  readonly rawTarget?: string;
  /** Address of the peer; null if unknown. */
  readonly peerAddress: string | null;
  /** Aborted when the client disconnects. Absent if the platform does not report it. */
  readonly signal?: AbortSignal;
}

/** `Request.url` needs an authority. This fixed one never reflects the Host header. */
const ORIGIN = "http://vault.invalid";
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/** Removes the authority from a target in absolute form (RFC 9112 section 3.2.2). */
export function pathOfTarget(target: string): string {
  const path = target.replace(ABSOLUTE_FORM, "");
  return path === "" || path.startsWith("?") ? `/${path}` : path;
}

/**
 * Extracts the target from a URL that joins scheme, Host header and target unchanged, as workerd
 * does. The header may hold anything, even a "/".
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

/** Builds the application's request. No header influences its URL. */
export function originalRequest({ method, target, headers, body }: RequestParts): Request {
  const url = ORIGIN + (target.startsWith("/") ? target : `/${target}`);
  const takesBody = method !== "GET" && method !== "HEAD" && body !== null;
  const init = { method, headers, ...(takesBody ? { body, duplex: "half" } : {}) };
  const request = new Request(url, init as RequestInit);
  // Bun turns an unknown method into GET, and all runtimes change "get" to upper case.
  return request.method === method
    ? request
    : Object.defineProperty(request, "method", { value: method });
}

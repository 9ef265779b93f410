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
}

const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/** Takes the authority off a target in absolute form (RFC 9112 section 3.2.2). */
export function pathOfTarget(target: string): string {
  const path = target.replace(ABSOLUTE_FORM, "");
  return path === "" || path.startsWith("?") ? `/${path}` : path;
}

/**
 * The target out of a URL made by putting scheme, Host header and target together unchanged, as
 * Deno's server does. The header may hold anything, a "/" too.
 */
export function targetOfJoinedUrl(url: string, host: string | null): string {
  const schemeEnd = url.indexOf("://") + 3;
  if (host !== null && host !== "" && url.startsWith(host, schemeEnd)) {
    const target = url.slice(schemeEnd + host.length);
    if (target.startsWith("/")) return target;
  }
  return pathOfTarget(url);
}

/**
 * A web page must not act on a vault that its visitor's browser can reach: initialise a vault on
 * loopback, give it shares, or start a rekey in `open` mode. Browsers send such requests without
 * asking, but say where they come from. Other clients send neither header below and are not
 * affected, whatever `Host` they name.
 *
 * Headers: https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
 */

import type { MiddlewareHandler } from "hono";
import { errorReply } from "./replies.ts";
import type { AppContext } from "./call.ts";
import { allowsOrigin, corsSetting } from "./cors.ts";
import { callOf } from "./targets.ts";

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const FOREIGN_SITES: ReadonlySet<string> = new Set(["cross-site", "same-site"]);

const REFUSED =
  "a page of another site sent this request without a valid token: allow its origin " +
  "in sys/config/cors, or use another client";

/** Refuses changes from pages of other sites without a valid token or an allowed origin. */
export function refuseForeignPages(context: AppContext): MiddlewareHandler {
  const { isReachedByTls } = context.options;
  return async function judgePage(c, next) {
    const { method, headers } = c.req.raw;
    if (SAFE_METHODS.has(method) || !isForeign(headers, isReachedByTls)) return await next();
    if (await isAllowedOrigin(context, headers.get("origin"))) return await next();
    const call = callOf(c, context);
    if (await call.hasValidToken()) return await next();
    // Guesses of tokens are limited here as everywhere else.
    const isAdmitted = context.anonymous.admit(call.remoteAddress);
    return isAdmitted ? errorReply(403, [REFUSED]) : errorReply(429, ["rate limit quota exceeded"]);
  };
}

/** Whether a browser sent it for a page of another origin. */
function isForeign(headers: Headers, isReachedByTls: boolean): boolean {
  if (FOREIGN_SITES.has(headers.get("sec-fetch-site") ?? "")) return true;
  const origin = headers.get("origin");
  return origin !== null && !isOwnOrigin(origin, headers.get("host"), isReachedByTls);
}

/**
 * Comparing the origin with the requested host is not enough: by DNS rebinding, a site can make its
 * own name resolve to this server's address. It cannot do that for an address or `localhost`, nor
 * with a certificate for its name, which protects only servers reached by TLS.
 */
function isOwnOrigin(origin: string, host: string | null, isReachedByTls: boolean): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : null;
  if (url === null || host === null || url.host !== host.toLowerCase()) return false;
  const { protocol, hostname } = url;
  // Refuses "https://vault.test/path" and other spellings that no browser sends.
  if (url.origin !== origin) return false;
  if (protocol === "https:" && isReachedByTls) return true;
  return /^https?:$/.test(protocol) &&
    (hostname === "localhost" || hostname.startsWith("[") ||
      /^\d+\.\d+\.\d+\.\d+$/.test(hostname));
}

async function isAllowedOrigin({ vault }: AppContext, origin: string | null): Promise<boolean> {
  const setting = await corsSetting(vault);
  return origin !== null && setting !== null && allowsOrigin(setting, origin);
}

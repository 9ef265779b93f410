/**
 * A web page must not act on a vault that its visitor's browser happens to reach: initialise a vault
 * on loopback, give it shares, begin a rekey in `open` mode. A browser sends such requests without
 * asking, and says whose they are. Clients that are no browsers send neither header and are left
 * alone, whatever `Host` they name.
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

/** Refuses what a page of another site asks to change, unless it has a valid token or may ask. */
export function refuseForeignPages(context: AppContext): MiddlewareHandler {
  const { isReachedByTls } = context.options;
  return async function judgePage(c, next) {
    const { method, headers } = c.req.raw;
    if (SAFE_METHODS.has(method) || !isForeign(headers, isReachedByTls)) return await next();
    if (await isAllowedOrigin(context, headers.get("origin"))) return await next();
    const call = callOf(c, context);
    if (await call.hasValidToken()) return await next();
    // Guessing tokens costs as much as everywhere else.
    const isAdmitted = context.anonymous.admit(call.remoteAddress);
    return isAdmitted ? errorReply(403, [REFUSED]) : errorReply(429, ["rate limit quota exceeded"]);
  };
}

/** Whether a browser sent it for a page that is not of this server. */
function isForeign(headers: Headers, isReachedByTls: boolean): boolean {
  if (FOREIGN_SITES.has(headers.get("sec-fetch-site") ?? "")) return true;
  const origin = headers.get("origin");
  return origin !== null && !isOwnOrigin(origin, headers.get("host"), isReachedByTls);
}

/**
 * That the origin names the host the request was sent to is not enough: a site can have its own name
 * answer with this server's address (DNS rebinding). It cannot do so for an address, nor for
 * `localhost`, nor with a certificate for its name, which counts only where clients come by TLS.
 */
function isOwnOrigin(origin: string, host: string | null, isReachedByTls: boolean): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : null;
  if (url === null || host === null || url.host !== host.toLowerCase()) return false;
  const { protocol, hostname } = url;
  // Not "https://vault.test/path" or another spelling, which no browser sends.
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

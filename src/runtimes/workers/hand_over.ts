/**
 * Passes a request from the Worker to the vault's object. The platform resolves dot segments on the
 * way, so the target travels in a header. Only the Worker can reach the object.
 */

import {
  originalRequest,
  pathOfTarget,
  type RequestEnv,
  targetOfJoinedUrl,
} from "../raw_target.ts";

/** Also set by `scripts/start_workers.mjs`, whose Worker trusts it. */
export const TARGET_HEADER = "x-sealwright-target";
/** The client's `Host`, set and trusted likewise. The object's own comes from a made-up URL. */
export const HOST_HEADER = "x-sealwright-host";
/** Set by Cloudflare; a client cannot. */
export const PEER_HEADER = "cf-connecting-ip";

/** `isTargetGiven`: the headers come from the product's own server, not from the client. */
export function handOver(request: Request, isTargetGiven: boolean): Request {
  const given = isTargetGiven ? request.headers.get(TARGET_HEADER) : null;
  const host = request.headers.get(isTargetGiven ? HOST_HEADER : "host");
  const target = given ?? targetOfJoinedUrl(request.url, host);
  const url = originalRequest({ method: "GET", target, headers: new Headers(), body: null }).url;
  // Copies the request itself, not its parts, so that the body keeps its length.
  const takesBody = request.method !== "GET" && request.method !== "HEAD";
  const { method, headers } = request;
  const copy = new Request(url, takesBody ? request : { method, headers });
  // The client follows redirects, not the Worker.
  const handed = new Request(copy, { redirect: "manual" });
  handed.headers.set(HOST_HEADER, host ?? "");
  handed.headers.set(
    TARGET_HEADER,
    target.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent),
  );
  return handed;
}

/** The request as the application should see it, with what the servers pass along. */
export function takeOver(
  request: Request,
): { readonly request: Request; readonly env: RequestEnv } {
  const headers = new Headers(request.headers);
  const rawTarget = headers.get(TARGET_HEADER) ?? pathOfTarget(request.url);
  headers.delete(TARGET_HEADER);
  headers.set("host", headers.get(HOST_HEADER) ?? "");
  headers.delete(HOST_HEADER);
  const { method, body } = request;
  return {
    request: originalRequest({ method, target: rawTarget, headers, body }),
    env: { rawTarget, peerAddress: headers.get(PEER_HEADER) },
  };
}

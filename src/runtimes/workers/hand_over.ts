/**
 * A request on its way from the Worker to the vault's object. The platform resolves dot segments on
 * this way, so the target travels in a header. Nobody but the Worker can ask the object.
 */

import {
  originalRequest,
  pathOfTarget,
  type RequestEnv,
  targetOfJoinedUrl,
} from "../raw_target.ts";

/** Also set by `scripts/start_workers.mjs`, for a Worker that believes it. */
export const TARGET_HEADER = "x-sealwright-target";
/** The client's `Host`, set and believed like that; the object's own is that of an invented URL. */
export const HOST_HEADER = "x-sealwright-host";
/** Set by Cloudflare; a client cannot. */
export const PEER_HEADER = "cf-connecting-ip";

/** `isTargetGiven`: the header is not the client's, but comes from the product's own server. */
export function handOver(request: Request, isTargetGiven: boolean): Request {
  const given = isTargetGiven ? request.headers.get(TARGET_HEADER) : null;
  const host = request.headers.get(isTargetGiven ? HOST_HEADER : "host");
  const target = given ?? targetOfJoinedUrl(request.url, host);
  const url = originalRequest({ method: "GET", target, headers: new Headers(), body: null }).url;
  // A copy of the request and not of its parts: so the body keeps the length that it has.
  const takesBody = request.method !== "GET" && request.method !== "HEAD";
  const { method, headers } = request;
  const copy = new Request(url, takesBody ? request : { method, headers });
  // A redirect is for the client.
  const handed = new Request(copy, { redirect: "manual" });
  handed.headers.set(HOST_HEADER, host ?? "");
  handed.headers.set(
    TARGET_HEADER,
    target.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent),
  );
  return handed;
}

/** The request as the application is to see it, with what the servers pass along. */
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

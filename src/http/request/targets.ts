/** Turns a request target into the path that handlers, policies and mounts see. */

import { isPrintable } from "../../wire/go_text.ts";
import type { Context } from "hono";
import { invalidRequest } from "../../errors.ts";
import { type AppContext, Call } from "./call.ts";

const API_PREFIX = "/v1/";

/** Passed along with a request by the servers. */
interface Bindings {
  /** Path and query as the client sent them, if the platform reports them. */
  readonly rawTarget?: string | undefined;
}

/** Path and query as sent, as far as they are known. */
export function targetOf(c: Context): string {
  const target = (c.env as Bindings | undefined)?.rawTarget;
  if (target !== undefined) return target;
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}

/** The call of a request below `/v1/`. */
export function callOf(c: Context, context: AppContext): Call {
  const url = new URL(c.req.raw.url);
  const path = url.pathname.slice(API_PREFIX.length);
  return new Call(context, c.req.raw, path, url.searchParams, c.env);
}

/** Like `callOf`, for a target whose path a URL would change. */
export function callAt(c: Context, context: AppContext, target: string): Call {
  const [path = "", ...query] = target.slice(API_PREFIX.length).split("?");
  return new Call(context, c.req.raw, path, new URLSearchParams(query.join("?")), c.env);
}

/** Percent-decodes a path. Throws `invalid_request` for paths that Vault refuses. */
export function decodePath(encoded: string): string {
  let path: string;
  try {
    path = decodeURIComponent(encoded);
  } catch {
    throw invalidRequest("path is not valid percent-encoded UTF-8");
  }
  if (!isPrintable(path)) throw invalidRequest("path contains a non-printable character");
  if (path.split("/").some((part) => part === "." || part === "..")) {
    throw invalidRequest(RELATIVE_REFUSED);
  }
  return path;
}

export const RELATIVE_REFUSED = "relative paths not supported";
/**
 * A URL would resolve "%2e" as "." and "%2e%2e" as "..", so the request would leave the path that
 * policies were written for.
 */
export function hasEncodedDots(target: string): boolean {
  const [path = ""] = target.split("?", 1);
  if (!path.startsWith(API_PREFIX)) return false;
  return path.split("/").some((part) =>
    part !== "." && part !== ".." && /^(\.|%2e){1,2}$/i.test(part)
  );
}

/** Where to redirect a target with empty or dot segments; null if it is clean. Keeps the query. */
export function cleanTarget(target: string): string | null {
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!path.startsWith(API_PREFIX)) return null;
  const segments: string[] = [];
  const parts = path.split("/").slice(1);
  for (const part of parts) {
    if (part === "..") segments.pop();
    else if (part !== "" && part !== ".") segments.push(part);
  }
  const last = parts.at(-1);
  const slash = (last === "" || last === "..") && segments.length > 0 ? "/" : "";
  const clean = `/${segments.join("/")}${slash}`;
  return clean === path ? null : clean + (mark === -1 ? "" : target.slice(mark));
}

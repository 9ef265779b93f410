/**
 * Parses the head of an HTTP/1.1 request (RFC 9112) strictly. Anything ambiguous is refused,
 * because a proxy in front may have read it the other way (request smuggling). Pure.
 */

import { HEADERS_MAX } from "../../../limits.ts";
import type { Refusal } from "./refusal.ts";

export type BodyFraming =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

export interface Head {
  readonly method: string;
  /** As sent: origin form, absolute form, or "*" with OPTIONS. */
  readonly target: string;
  /** Names as sent, in the order of arrival. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly framing: BodyFraming;
  readonly isHttp10: boolean;
  /** The client may send more requests on this connection. */
  readonly keepsAlive: boolean;
  readonly expectsContinue: boolean;
}

export type HeadOutcome =
  | { readonly ok: true; readonly head: Head }
  | { readonly ok: false; readonly refusal: Refusal };

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII, which the parsers of Node and Cloudflare accept. */
const TARGET = /^[\x21-\x7e]+$/;
const VERSION = /^HTTP\/[0-9]\.[0-9]$/;
/** A URI host (RFC 3986 section 3.2.2) with a port. Go accepts the same characters. */
const HOST = /^[A-Za-z0-9\-._~%!$&'()*+,;=:[\]]*$/;
/** Tab, space, visible ASCII, and bytes above ASCII, whose meaning is undefined. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LENGTH = /^[0-9]{1,15}$/;
/** `Request` refuses these, and nothing serves them. */
const NEVER_SERVED: readonly string[] = ["CONNECT", "TRACE", "TRACK"];

/** `text` holds the bytes before the empty line, one character each. */
export function parseHead(text: string): HeadOutcome {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", target = "", version = "", ...more] = requestLine.split(" ");
  if (!TOKEN.test(method) || more.length > 0 || !VERSION.test(version)) return refuse("malformed");
  if (version !== "HTTP/1.1" && version !== "HTTP/1.0") return refuse("version-unknown");
  if (NEVER_SERVED.includes(method.toUpperCase())) return refuse("method-unknown");
  if (!isTarget(method, target)) return refuse("malformed");
  if (lines.length > HEADERS_MAX) return refuse("head-too-large");
  const headers: (readonly [string, string])[] = [];
  for (const line of lines) {
    const header = parseHeaderLine(line);
    if (header === null) return refuse("malformed");
    headers.push(header);
  }
  return judge(method, target, version === "HTTP/1.0", headers);
}

/** Null for a malformed or folded line. Runs in linear time. */
export function parseHeaderLine(line: string): readonly [name: string, value: string] | null {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon));
  const value = trimBlanks(line.slice(colon + 1));
  return TOKEN.test(name) && VALUE.test(value) ? [name, value] : null;
}

function judge(
  method: string,
  target: string,
  isHttp10: boolean,
  headers: Head["headers"],
): HeadOutcome {
  const named = (wanted: string) =>
    headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value);
  const hosts = named("host");
  if (hosts.length > 1 || !HOST.test(hosts[0] ?? "")) return refuse("host-malformed");
  if (hosts.length === 0 && !isHttp10) return refuse("host-missing");
  const framing = framingOf(named("content-length"), named("transfer-encoding"), isHttp10);
  if (framing === null) return refuse("malformed");
  const [expectation, ...others] = isHttp10 ? [] : named("expect");
  if (others.length > 0 || !/^(100-continue)?$/i.test(expectation ?? "")) {
    return refuse("expectation-unknown");
  }
  const options = named("connection").flatMap((value) => value.toLowerCase().split(","))
    .map(trimBlanks);
  const keepsAlive = !options.includes("close") && (!isHttp10 || options.includes("keep-alive"));
  const expectsContinue = (expectation ?? "") !== "";
  return {
    ok: true,
    head: { method, target, headers, framing, isHttp10, keepsAlive, expectsContinue },
  };
}

function isTarget(method: string, target: string): boolean {
  if (!TARGET.test(target)) return false;
  return target.startsWith("/") || /^https?:\/\//i.test(target) ||
    (target === "*" && method === "OPTIONS");
}

/** Null if the headers frame the body twice or ambiguously. */
function framingOf(
  lengths: readonly string[],
  encodings: readonly string[],
  isHttp10: boolean,
): BodyFraming | null {
  if (encodings.length > 0) {
    const isChunked = encodings.length === 1 && encodings[0]?.toLowerCase() === "chunked";
    return isChunked && lengths.length === 0 && !isHttp10 ? { kind: "chunked" } : null;
  }
  const [length, ...others] = lengths;
  if (length === undefined) return { kind: "none" };
  if (others.length > 0 || !LENGTH.test(length)) return null;
  return Number(length) === 0 ? { kind: "none" } : { kind: "length", bytes: Number(length) };
}

/** Removes spaces and tabs at both ends. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text[start])) start++;
  while (end > start && isBlank(text[end - 1])) end--;
  return text.slice(start, end);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t";
}

function refuse(refusal: Refusal): HeadOutcome {
  return { ok: false, refusal };
}

/** Converts between this server's messages and the web's `Request` and `Response`. */

import { Buffer } from "node:buffer";
import { STATUS_CODES } from "node:http";
import { REQUEST_BODY_MAX_BYTES } from "../../../limits.ts";
import { originalRequest } from "../../raw_target.ts";
import type { Head } from "./head.ts";

/**
 * `target` is the head's target without an authority. A null `body` was too large, which the
 * application learns only from `Content-Length`.
 */
export function toRequest(head: Head, target: string, body: Buffer | null): Request {
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  if (head.framing.kind === "chunked") {
    // The message is no longer chunked (RFC 9112 section 7.1.3).
    headers.delete("transfer-encoding");
    headers.set("content-length", String(body?.length ?? REQUEST_BODY_MAX_BYTES + 1));
  }
  return originalRequest({
    method: head.method,
    target,
    headers,
    body: body === null || body.length === 0 ? null : body,
  });
}

/** Headers that belong to the connection or are made here. */
const OWN_HEADERS: readonly string[] = [
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
];

export interface AnswerForm {
  /** The request's method; null if unknown. */
  readonly method: string | null;
  readonly isHttp10: boolean;
  readonly keepsAlive: boolean;
}

/** Encodes the whole response. */
export async function encodeAnswer(response: Response, form: AnswerForm): Promise<Buffer> {
  const body = Buffer.from(await response.arrayBuffer());
  const { status, headers } = response;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  for (const [name, value] of headers) {
    if (!OWN_HEADERS.includes(name)) head += `${name}: ${value}\r\n`;
  }
  head += `date: ${httpDate(Date.now())}\r\n`;
  const length = contentLength(response, body, form.method);
  if (length !== null) head += `content-length: ${length}\r\n`;
  if (!form.keepsAlive) head += "connection: close\r\n";
  else if (form.isHttp10) head += "connection: keep-alive\r\n";
  const hasBody = form.method !== "HEAD" && !hasNoContent(status);
  const start = Buffer.from(`${head}\r\n`, "latin1");
  return hasBody && body.length > 0 ? Buffer.concat([start, body]) : start;
}

/** Null if the response has no `Content-Length`. */
function contentLength(response: Response, body: Buffer, method: string | null): string | null {
  if (hasNoContent(response.status)) return null;
  // Only the application knows the length that GET would have.
  if (method === "HEAD" && body.length === 0) return response.headers.get("content-length");
  return String(body.length);
}

function hasNoContent(status: number): boolean {
  return status === 204 || status === 304;
}

const SECOND_MS = 1000;
let lastDate = { second: -1, text: "" };

/** Formats the date at most once a second. */
function httpDate(nowMs: number): string {
  const second = Math.floor(nowMs / SECOND_MS);
  if (lastDate.second !== second) lastDate = { second, text: new Date(nowMs).toUTCString() };
  return lastDate.text;
}

/**
 * Responses to requests that never reach the application, in Vault's shape. Every refusal ends the
 * connection, because the start of the next message is unknown.
 */

import { errorResponse } from "../../error_response.ts";

const REFUSALS = {
  malformed: [400, "malformed request"],
  "host-missing": [400, "missing required Host header"],
  "host-malformed": [400, "malformed Host header"],
  "cut-off": [400, "the request ended too early"],
  "method-unknown": [405, null],
  "too-slow": [408, "the request took too long to arrive"],
  "expectation-unknown": [417, "the expectation cannot be met"],
  "head-too-large": [431, "request headers too large"],
  crowded: [503, "too many requests at once; try again"],
  "version-unknown": [505, "HTTP version not supported"],
} as const satisfies Readonly<Record<string, readonly [status: number, text: string | null]>>;

export type Refusal = keyof typeof REFUSALS;

export function refusalResponse(refusal: Refusal): Response {
  const [status, text] = REFUSALS[refusal];
  return errorResponse(status, text === null ? [] : [text]);
}

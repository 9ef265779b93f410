/**
 * What a request asks for, read from its method, target, headers and body. This is checked first:
 * also while the vault is sealed, and for any caller.
 */

import { METHOD_OPERATIONS, type Operation } from "../../wire/operation.ts";
import { invalidRequest } from "../../errors.ts";
import type { Call } from "./call.ts";
import { parameters } from "./json.ts";
import { refusePatchType } from "./patch.ts";
import { decodePath } from "./targets.ts";
import { listingOf } from "./query.ts";
import type { JsonObject } from "../../wire/json_value.ts";
import { wrapTtlSeconds } from "./wrapping.ts";

export interface RequestShape {
  readonly operation: Operation | "head";
  /** Decoded. A list's path ends in "/". */
  readonly path: string;
  /** The body of a write; otherwise the query. */
  readonly data: JsonObject;
  /** Null if the answer is not to be wrapped. */
  readonly wrapTtlSeconds: number | null;
}

/** Null for a method that no path serves. Throws `invalid_request`, and what `call.body` throws. */
export async function readShape(call: Call): Promise<RequestShape | null> {
  const decoded = decodePath(call.path);
  const operation = operationOf(call);
  if (operation === null) return null;
  const data = await dataOf(call, operation);
  const isListing = operation === "list" || operation === "scan";
  const path = isListing && !decoded.endsWith("/") ? `${decoded}/` : decoded;
  return { operation, path, data, wrapTtlSeconds: wrapTtlSeconds(call) };
}

function operationOf({ method, query }: Call): RequestShape["operation"] | null {
  switch (method) {
    case "GET":
      return listingOf(query) ?? "read";
    case "HEAD":
      return "head";
    case "OPTIONS":
      throw invalidRequest("cannot handle internal-only request operation");
    default:
      return METHOD_OPERATIONS.get(method) ?? null;
  }
}

async function dataOf(call: Call, operation: RequestShape["operation"]): Promise<JsonObject> {
  switch (operation) {
    case "patch":
      refusePatchType(call.request);
      return await call.jsonBody();
    case "update":
    case "create":
      return await call.body();
    default:
      return parameters(call.query, reservedWords(call.method, operation));
  }
}

/** Query words that are not parameters. One of them turns a GET into a listing. */
function reservedWords(method: string, operation: string): readonly string[] {
  return method === "GET" && operation !== "read" ? ["help", operation] : ["help"];
}

/** The part of a reply that engines and methods share, before it becomes HTTP. Pure. */

import type { JsonObject } from "./json_value.ts";
import type { Operation } from "./operation.ts";

export interface ServedReply {
  readonly kind: string;
  /** The data of kind `data`, or the envelope's content for something missing. */
  readonly data?: JsonObject | null | undefined;
  readonly warnings?: readonly string[] | undefined;
}

/**
 * Adds warnings to a reply. As in the reference, a reply without content carries none, except an
 * empty list.
 */
export function withWarnings<Reply extends ServedReply>(
  reply: Reply,
  warnings: readonly string[],
  operation: Operation,
): Reply | {
  readonly kind: "data";
  readonly data: JsonObject;
  readonly warnings: readonly string[];
} {
  if (warnings.length === 0 || reply.kind === "done") return reply;
  if (reply.kind === "missing" && reply.data === undefined) {
    return operation === "list" ? { kind: "data", data: {}, warnings } : reply;
  }
  return { ...reply, warnings: [...reply.warnings ?? [], ...warnings] };
}

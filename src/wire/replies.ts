/** What serving a path answers before it becomes HTTP: the part that engines and methods share. Pure. */

import type { JsonObject } from "./json_value.ts";
import type { Operation } from "./operation.ts";

export interface ServedReply {
  readonly kind: string;
  /** Of kind `data`, or what goes into the envelope of something missing. */
  readonly data?: JsonObject | null | undefined;
  readonly warnings?: readonly string[] | undefined;
}

/**
 * The reply with more warnings. As in the reference, a reply without content carries none, unless it
 * is an empty list.
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

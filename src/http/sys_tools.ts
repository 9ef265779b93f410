/** `/sys/tools/*`: random bytes and hashes, as transit has them. */

import type { Hono } from "hono";
import type { EngineReply } from "../engines/engine.ts";
import { requestFields } from "../engines/fields.ts";
import { drawRandom, hashInput } from "../engines/transit_tools.ts";
import { VaultError } from "../errors.ts";
import type { AppContext } from "./call.ts";
import { type LogicalCall, type LogicalReply, registerLogical } from "./logical.ts";

const RANDOM = "sys/tools/random";
const HASH = "sys/tools/hash";

export function registerToolEndpoints(app: Hono, context: AppContext): void {
  for (const path of [RANDOM, `${RANDOM}/*`]) {
    registerLogical(app, context, { path, operations: { update: random } });
  }
  for (const path of [HASH, `${HASH}/*`]) {
    registerLogical(app, context, { path, operations: { update: hash } });
  }
}

/** Segments behind a path, at most so many. */
function segmentsBehind({ path }: LogicalCall, prefix: string, max: number): readonly string[] {
  const rest = path.slice(prefix.length + 1);
  const segments = rest === "" ? [] : rest.split("/");
  if (segments.length > max) throw new VaultError("unsupported_path", "unsupported path");
  return segments;
}

async function random(request: LogicalCall): Promise<LogicalReply> {
  const segments = segmentsBehind(request, RANDOM, 2);
  return asReply(drawRandom(segments, requestFields(request.data), request.call.context.random));
}

async function hash(request: LogicalCall): Promise<LogicalReply> {
  const [algorithm = null] = segmentsBehind(request, HASH, 1);
  return asReply(hashInput(algorithm, requestFields(request.data)));
}

function asReply(reply: EngineReply): LogicalReply {
  if (reply.kind !== "data") return { kind: reply.kind };
  return { kind: "data", data: reply.data, warnings: reply.warnings };
}

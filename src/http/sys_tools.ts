/** `/sys/tools/*`: random bytes and hashes, as transit has them. */

import type { EngineReply } from "../engines/engine.ts";
import { drawRandom, HASH_FIELDS, hashInput, RANDOM_FIELDS } from "../engines/transit_tools.ts";
import {
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";

const RANDOM_PATHS = [
  { path: "sys/tools/random", segments: [] },
  { path: "sys/tools/random/{urlbytes~}", segments: ["urlbytes"] },
  { path: "sys/tools/random/{source~}/{urlbytes~}", segments: ["source", "urlbytes"] },
] as const;

export const TOOL_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...RANDOM_PATHS.map(({ path, segments }) =>
    logicalEndpoint(path, {
      update: logicalOperation(
        { summary: "Draw random bytes", fields: RANDOM_FIELDS, answers: ["data"] },
        async ({ call, parameter }, sent) =>
          asReply(drawRandom(segments.map(parameter), sent, call.context.random)),
      ),
    })
  ),
  logicalEndpoint("sys/tools/hash", {
    update: logicalOperation(
      { summary: "Hash data", fields: HASH_FIELDS, answers: ["data"] },
      async (_call, sent) => asReply(hashInput(null, sent)),
    ),
  }),
  logicalEndpoint("sys/tools/hash/{urlalgorithm~}", {
    update: logicalOperation(
      { summary: "Hash data", fields: HASH_FIELDS, answers: ["data"] },
      async ({ parameter }, sent) => asReply(hashInput(parameter("urlalgorithm"), sent)),
    ),
  }),
];

function asReply(reply: EngineReply): LogicalReply {
  if (reply.kind !== "data") return { kind: reply.kind };
  return { kind: "data", data: reply.data, warnings: reply.warnings };
}

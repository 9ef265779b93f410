/** `/sys/tools/*`: random bytes and hashes, as in transit. */

import type { EngineReply } from "../../../engines/engine.ts";
import {
  drawRandom,
  HASH_CAPTURES,
  HASH_FIELDS,
  HASH_PATHS,
  hashInput,
  RANDOM_CAPTURES,
  RANDOM_FIELDS,
  RANDOM_PATHS,
} from "../../../engines/transit/tools.ts";
import {
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

export const TOOL_ENDPOINTS: readonly LogicalEndpoint[] = [
  ...RANDOM_PATHS.map(([template, parts]) => ({
    ...logicalEndpoint(`sys/tools/${template}`, {
      update: logicalOperation(
        { summary: "Draw random bytes", fields: RANDOM_FIELDS, answers: ["data"] },
        async ({ call, parameter }, sent) =>
          asReply(drawRandom(parts.map(parameter), sent, call.context.random)),
      ),
    }),
    parameters: RANDOM_CAPTURES,
  })),
  ...HASH_PATHS.map((template) => ({
    ...logicalEndpoint(`sys/tools/${template}`, {
      update: logicalOperation(
        { summary: "Hash data", fields: HASH_FIELDS, answers: ["data"] },
        async ({ parameter }, sent) => {
          const algorithm = template.includes("{") ? parameter("urlalgorithm") : null;
          return asReply(await hashInput(algorithm, sent));
        },
      ),
    }),
    parameters: HASH_CAPTURES,
  })),
];

function asReply(reply: EngineReply): LogicalReply {
  if (reply.kind !== "data") return { kind: reply.kind };
  return { kind: "data", data: reply.data, warnings: reply.warnings };
}

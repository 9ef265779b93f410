/** `/sys/internal/counters/*`: the number of tokens and entities. */

import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

export const COUNTER_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/internal/counters/tokens", {
    read: logicalOperation({ summary: "Count the service tokens" }, countTokens),
  }),
  logicalEndpoint("sys/internal/counters/entities", {
    read: logicalOperation({ summary: "Count the entities" }, countEntities),
  }),
];

/** Batch tokens are not stored, so they cannot be counted. */
async function countTokens({ unsealed }: LogicalCall): Promise<LogicalReply> {
  const { length: total } = await unsealed.tokens.accessors();
  return { kind: "data", data: { counters: { service_tokens: { total } } } };
}

async function countEntities(request: LogicalCall): Promise<LogicalReply> {
  let total = 0;
  for await (const _entity of request.unsealed.entities.each()) total += 1;
  return { kind: "data", data: { counters: { entities: { total } } } };
}

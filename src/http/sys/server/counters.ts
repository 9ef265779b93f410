/** `/sys/internal/counters/*` and `/sys/internal/inspect/*`: what is counted, and what is not shown. */

import { entitiesOf } from "../access/entities.ts";
import { invalidRequest, VaultError } from "../../../errors.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";

export const COUNTER_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/internal/counters/requests", {
    read: logicalOperation({ summary: "Tell that requests are not counted any more" }, async () => {
      throw new VaultError("not_found", "The functionality has been removed on this path");
    }),
  }),
  logicalEndpoint("sys/internal/counters/tokens", {
    read: logicalOperation({ summary: "Count the service tokens" }, countTokens),
  }),
  logicalEndpoint("sys/internal/counters/entities", {
    read: logicalOperation({ summary: "Count the entities" }, countEntities),
  }),
  inspectEndpoint("sys/internal/inspect/router/{tag}"),
  inspectEndpoint("sys/internal/inspect/request"),
];

/** Batch tokens are stored nowhere and cannot be counted. */
async function countTokens({ open }: LogicalCall): Promise<LogicalReply> {
  const { length: total } = await open.tokens.accessors();
  return { kind: "data", data: { counters: { service_tokens: { total } } } };
}

async function countEntities(request: LogicalCall): Promise<LogicalReply> {
  let total = 0;
  for await (const _entity of entitiesOf(request).each()) total += 1;
  return { kind: "data", data: { counters: { entities: { total } } } };
}

/** Inner tables are shown by no setting. */
function inspectEndpoint(template: string): LogicalEndpoint {
  const read = logicalOperation({ summary: "Tell that inner tables are not shown" }, async () => {
    throw invalidRequest(
      'the Vault configuration must set "introspection_endpoint" to true to enable this endpoint',
    );
  });
  return logicalEndpoint(template, { read }, { sudo: true });
}

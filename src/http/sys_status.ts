/** What clients ask about a cluster, answered for a single active server. */

import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "./logical.ts";
import { type RawEndpoint, rawOperation } from "./raw.ts";
import { errorReply } from "./replies.ts";

export const STATUS_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/ha-status", {
    read: logicalOperation({ summary: "List the servers of the cluster: this one" }, haStatus),
  }, { copiesData: true }),
  logicalEndpoint("sys/step-down", {
    update: logicalOperation(
      { summary: "Give up leadership, which a single server cannot" },
      async () => ({ kind: "done" }),
    ),
  }, { sudo: true }),
];

export const RAW_STATUS_ENDPOINTS: readonly RawEndpoint[] = [
  {
    path: "sys/replication/status",
    methods: {
      GET: rawOperation(
        { summary: "Refused: nothing is replicated", answer: null },
        async () => errorReply(404, ["unsupported path"]),
      ),
    },
  },
];

/** One node, always active: there is nothing to fail over to. */
async function haStatus({ call, open }: LogicalCall): Promise<LogicalReply> {
  const node = {
    active_node: true,
    api_address: "",
    cluster_address: "",
    hostname: open.cluster.name,
    last_echo: null,
    version: call.context.options.version,
  };
  return { kind: "data", data: { nodes: [node] } };
}

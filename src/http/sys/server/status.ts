/** Questions about a cluster, answered for a single active server. */

import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { type RawEndpoint, rawOperation } from "../../request/raw_endpoint.ts";
import { PATCH_REFUSED } from "../../request/patch.ts";
import { emptyReply, errorReply } from "../../request/replies.ts";
import { addressOf } from "../server_facts.ts";

export const STATUS_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/ha-status", {
    read: logicalOperation({ summary: "List the servers of the cluster: this one" }, haStatus),
  }, { copiesData: true }),
];

export const RAW_STATUS_ENDPOINTS: readonly RawEndpoint[] = [
  {
    // As in the reference, this needs no token. There is no leadership to lose.
    path: "sys/step-down",
    whileSealed: true,
    audit: "whole",
    methods: {
      PUT: rawOperation(
        { summary: "Give up leadership, which a single server cannot", answer: null },
        async (call) => {
          await call.body();
          return emptyReply(204);
        },
      ),
      PATCH: PATCH_REFUSED,
    },
  },
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
async function haStatus({ call, unsealed }: LogicalCall): Promise<LogicalReply> {
  const node = {
    active_node: true,
    api_address: addressOf(call),
    cluster_address: "",
    hostname: unsealed.cluster.name,
    last_echo: null,
    version: call.context.options.version,
  };
  return { kind: "data", data: { nodes: [node] } };
}

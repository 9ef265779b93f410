/** What clients ask about a cluster, answered for a single active server. */

import type { Hono } from "hono";
import type { AppContext } from "./call.ts";
import { type LogicalReply, registerLogical } from "./logical.ts";
import { registerRaw } from "./raw.ts";
import { errorReply } from "./replies.ts";

export function registerStatusEndpoints(app: Hono, context: AppContext): void {
  registerLogical(app, context, {
    path: "sys/ha-status",
    copiesData: true,
    operations: { read: async () => haStatus(context) },
  });
  registerLogical(app, context, {
    path: "sys/step-down",
    sudo: true,
    operations: { update: async () => ({ kind: "done" }) },
  });
  registerRaw(app, context, {
    path: "sys/replication/status",
    methods: { GET: async () => errorReply(404, ["unsupported path"]) },
  });
}

/** One node, always active: there is nothing to fail over to. */
function haStatus(context: AppContext): LogicalReply {
  const node = {
    active_node: true,
    api_address: "",
    cluster_address: "",
    hostname: context.vault.unsealed().cluster.name,
    last_echo: null,
    version: context.options.version,
  };
  return { kind: "data", data: { nodes: [node] } };
}

/**
 * The server's settings, host and current requests. It knows nothing about its host, because on
 * some runtimes there is none.
 */

import { requestsInFlight } from "../../request/in_flight.ts";
import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { addressOf } from "../server_facts.ts";

export const SERVER_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/config/state/sanitized", {
    read: logicalOperation({ summary: "Show the settings that hold no secret" }, settings),
  }),
  logicalEndpoint("sys/host-info", {
    read: logicalOperation({ summary: "Show what is known of the host: the time" }, hostInfo),
  }),
  logicalEndpoint("sys/in-flight-req", {
    read: logicalOperation({
      summary: "Show the requests that are being served",
      answers: ["document"],
    }, inFlight),
  }),
];

/** 0 and "" mean that the built-in value applies. */
async function settings({ call }: LogicalCall): Promise<LogicalReply> {
  const { type, storageType } = call.vault.status();
  return {
    kind: "data",
    data: {
      api_addr: addressOf(call),
      cluster_addr: "",
      cluster_name: "",
      default_lease_ttl: 0,
      disable_sealwrap: false,
      enable_ui: false,
      introspection_endpoint: false,
      max_lease_ttl: 0,
      raw_storage_endpoint: false,
      seals: [{ disabled: false, type }],
      storage: { type: storageType },
    },
  };
}

/** All other members are omitted, as the reference does with values it cannot determine. */
async function hostInfo({ call }: LogicalCall): Promise<LogicalReply> {
  return { kind: "data", data: { timestamp: new Date(call.context.nowMs()).toISOString() } };
}

async function inFlight({ call }: LogicalCall): Promise<LogicalReply> {
  const { vault, random } = call.context;
  const text = JSON.stringify(requestsInFlight(vault, random));
  return { kind: "data", raw: { contentType: "application/json", text } };
}

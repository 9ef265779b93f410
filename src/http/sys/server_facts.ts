/** Facts about the server that several answers share. */

import type { AppContext, Call } from "../request/call.ts";
import type { JsonObject } from "../../wire/json_value.ts";

export const RELEASE_DATE = "2026-11-22T00:00:00Z";

/** Empty while sealed. */
export function clusterFields({ vault }: AppContext): JsonObject {
  const { cluster } = vault.status();
  return cluster === null ? {} : { cluster_name: cluster.name, cluster_id: cluster.id };
}

/** The address at which this client reached the server, which knows no other. */
export function addressOf({ request }: Call): string {
  const { protocol, host } = new URL(request.url);
  return `${protocol}//${request.headers.get("host") ?? host}`;
}

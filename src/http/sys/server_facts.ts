/** What several answers tell of the server itself. */

import type { AppContext, Call } from "../request/call.ts";
import type { JsonObject } from "../../wire/json_value.ts";

export const RELEASE_DATE = "2026-11-22T00:00:00Z";

/** Nothing while sealed. */
export function clusterFields({ vault }: AppContext): JsonObject {
  const { cluster } = vault.status();
  return cluster === null ? {} : { cluster_name: cluster.name, cluster_id: cluster.id };
}

/** The address by which this client has found the server, which knows of no other. */
export function addressOf({ request }: Call): string {
  const { protocol, host } = new URL(request.url);
  return `${protocol}//${request.headers.get("host") ?? host}`;
}

/** Questions about the product itself. */

import {
  type LogicalCall,
  type LogicalEndpoint,
  logicalEndpoint,
  logicalOperation,
  type LogicalReply,
} from "../../request/logical.ts";
import { RELEASE_DATE } from "../server_facts.ts";

export const PRODUCT_ENDPOINTS: readonly LogicalEndpoint[] = [
  logicalEndpoint("sys/version-history", {
    list: logicalOperation({ summary: "List the versions that have run here" }, versionHistory),
  }),
];

/** Only the running version is known. Its time is that of the vault's first key. */
async function versionHistory({ call, unsealed }: LogicalCall): Promise<LogicalReply> {
  const { version } = call.context.options;
  const installedAtMs = Math.min(
    ...unsealed.barrier.keyring.terms.map((term) => term.installTimeMs),
  );
  const info = {
    commit_date: RELEASE_DATE,
    previous_version: null,
    timestamp_installed: new Date(installedAtMs).toISOString(),
  };
  return { kind: "data", data: { key_info: { [version]: info }, keys: [version] } };
}

/** The tables of the system, given by the one file that knows them all. */

import type { LogicalEndpoint } from "./request/logical.ts";
import type { RawEndpoint } from "./request/raw_endpoint.ts";

export interface SystemTables {
  readonly raw: readonly RawEndpoint[];
  readonly logical: readonly LogicalEndpoint[];
}

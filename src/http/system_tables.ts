/** The tables of the system, given by the one file that knows them all. */

import type { LogicalEndpoint } from "./logical.ts";
import type { RawEndpoint } from "./raw.ts";

export interface SystemTables {
  readonly raw: readonly RawEndpoint[];
  readonly logical: readonly LogicalEndpoint[];
}

/** The entities of the vault that a request asks. */

import { Entities } from "../../../access/identity/entities.ts";
import type { LogicalCall } from "../../request/logical.ts";

export function entitiesOf({ call, open }: Pick<LogicalCall, "call" | "open">): Entities {
  const { nowMs, random } = call.context;
  return new Entities({ barrier: open.barrier, random, nowMs });
}

/** Starts the vault on Node. */

import { startLocal } from "./local.ts";
import { startNodeServer } from "./node_server.ts";

await startLocal("node", startNodeServer);

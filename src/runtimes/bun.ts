/** Starts the vault on Bun, with Bun's own `node:http` and `node:sqlite`. */

import { startLocal } from "./local.ts";
import { startNodeServer } from "./node_server.ts";

await startLocal("bun", startNodeServer);

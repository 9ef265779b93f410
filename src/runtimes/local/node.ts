/** Starts the vault on Node. */

import { descriptorLimit } from "./descriptors.ts";
import { listenOnNode } from "./http1/listen.ts";
import { startLocal } from "./local.ts";

await startLocal({ runtime: "node", listen: listenOnNode, descriptors: descriptorLimit() });

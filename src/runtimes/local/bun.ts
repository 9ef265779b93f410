/** Starts the vault on Bun. */

import { descriptorLimit } from "./descriptors.ts";
import { listenOnNode } from "./http1/listen.ts";
import { startLocal } from "./local.ts";

await startLocal({ runtime: "bun", listen: listenOnNode, descriptors: descriptorLimit() });
